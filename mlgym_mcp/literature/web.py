"""The web, as far as papers come from it: over https, and from public addresses alone.

An agent chooses the address, and whoever has an address may redirect it: each hop is looked at before it is asked, and
asked at the address that was looked at, since the name could lead elsewhere when asked for again.
"""

from dataclasses import dataclass

import httpx2

from mlgym_mcp.egress.addresses import Networks, addresses
from mlgym_mcp.egress.refusal import Refusal
from mlgym_mcp.errors import NotAvailable

MOST_REDIRECTS = 5
PATIENCE = httpx2.Timeout(20.0)
"""Seconds without an answer or a byte."""
AGENT = {"User-Agent": "mlgym-mcp", "Accept": "application/pdf, */*;q=0.1", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Web:
    """What may be fetched."""

    schemes: tuple[str, ...] = ("https",)
    private: Networks = ()
    """Networks that may be reached although they are not public."""

    async def fetch(self, address: str, *, most: int) -> bytes:
        """What lies at an address, if it has at most `most` bytes.

        Raises:
            NotAvailable: it can't be had, or may not be; says why.
        """
        try:
            url = httpx2.URL(address)
        except httpx2.InvalidURL:
            raise NotAvailable(f"{address!r} is no address; give one such as https://host/paper.pdf.") from None
        try:
            async with httpx2.AsyncClient(timeout=PATIENCE, headers=AGENT) as client:
                for _ in range(1 + MOST_REDIRECTS):
                    answer = await self._ask(client, url, most)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotAvailable(f"{url.host} did not give it: {str(error) or type(error).__name__}.") from None
        raise NotAvailable(f"{address} redirects more than {MOST_REDIRECTS} times.")

    async def _ask(self, client: httpx2.AsyncClient, url: httpx2.URL, most: int) -> bytes | httpx2.URL:
        """What an address gives, or where it sends whoever asks."""
        place = await self._place(url)
        headers, extensions = {"Host": url.netloc.decode()}, {"sni_hostname": url.host}
        async with client.stream("GET", url.copy_with(host=place), headers=headers, extensions=extensions) as response:
            if response.has_redirect_location:
                return url.join(response.headers["Location"])
            if response.status_code != 200:
                raise NotAvailable(f"{url.host} answered {response.status_code}; try another source of the paper.")
            content = b""
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > most:
                    raise NotAvailable(f"{url.host} gives more than {most // 1024**2} MiB, which is not read.")
            return content

    async def _place(self, url: httpx2.URL) -> str:
        if url.scheme not in self.schemes or not url.host or url.userinfo:
            raise NotAvailable(f"Only addresses such as https://host/paper.pdf are read, not {str(url)!r}.")
        try:
            return (await addresses(url.host, url.port or 443, self.private))[0]
        except Refusal as refusal:
            raise NotAvailable(f"It can't be read: {refusal}.") from None
