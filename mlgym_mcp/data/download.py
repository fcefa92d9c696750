"""Downloads of large files: resumed where they broke off, and checked by whoever asked for them.

Proxies and certificates are those of the usual variables (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR).
"""

from pathlib import Path

import anyio
import httpx2
from anyio import to_thread

from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.tasks.source import file_name

TRIES = 3
"""Connections made to one address before it is given up."""
PATIENCE = httpx2.Timeout(60.0)
"""Seconds without an answer or a byte."""
MIB = 1024**2
TOLD_EVERY = 32 * MIB


class DownloadFailed(Exception):
    """Raised when an address did not give its file; the message says why, in a few words."""


async def download(url: str, place: Path, progress: Progress) -> None:
    """Put the file of an address in its place; what came of an attempt that broke off is kept beside it, and used.

    Raises:
        DownloadFailed: it can't be had.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Partial(place)
    headers = {"Accept-Encoding": "identity"}  # else the bytes after a break would not fit those before it
    async with httpx2.AsyncClient(follow_redirects=True, timeout=PATIENCE, headers=headers) as client:
        for attempt in range(1, TRIES + 1):
            try:
                await _fetch(client, url, partial, progress)
                break
            except httpx2.HTTPStatusError as error:
                raise DownloadFailed(f"it answered {error.response.status_code}") from None
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                if attempt == TRIES:
                    raise DownloadFailed(str(error) or type(error).__name__) from None
                await progress(f"downloading {file_name(url)}: broken off ({error}); going on")
    await to_thread.run_sync(partial.complete)


class Partial:
    """What has come of a download so far, and the mark by which its server tells whether the file is still the same."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.content = place.with_name(f"{place.name}.part")
        self._mark = place.with_name(f"{place.name}.part.mark")

    def resuming(self) -> dict[str, str]:
        """The headers that ask for the rest alone; none where there is nothing, or no way to tell that it fits."""
        if not (self.content.is_file() and self.content.stat().st_size and self._mark.is_file()):
            return {}
        return {"Range": f"bytes={self.content.stat().st_size}-", "If-Range": self._mark.read_text()}

    def mark(self, response: httpx2.Response) -> None:
        """Keep the mark of what begins to come. A weak one does not promise the same bytes."""
        etag = response.headers.get("ETag", "")
        mark = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        self.forget_mark()
        if mark:
            self._mark.write_text(mark)

    def forget_mark(self) -> None:
        """Have the next attempt begin anew."""
        self._mark.unlink(missing_ok=True)

    def complete(self) -> None:
        """Put the whole file in its place."""
        self.forget_mark()
        self.content.rename(self._place)


async def _fetch(client: httpx2.AsyncClient, url: str, partial: Partial, progress: Progress) -> None:
    wanted = partial.resuming()
    async with client.stream("GET", url, headers=wanted) as response:
        if response.status_code == 416:
            partial.forget_mark()
            raise httpx2.RemoteProtocolError("the server refuses to go on")
        response.raise_for_status()
        resumed = response.status_code == 206
        if resumed and not _continues(response, wanted):
            partial.forget_mark()
            raise httpx2.RemoteProtocolError("the server went on at another place")
        if not resumed:
            partial.mark(response)
        async with await anyio.open_file(partial.content, "ab" if resumed else "wb") as file:
            await _receive(response, file, progress, f"downloading {file_name(url)}")


def _continues(response: httpx2.Response, wanted: dict[str, str]) -> bool:
    start = wanted.get("Range", "").removeprefix("bytes=")
    return bool(start) and response.headers.get("Content-Range", "").startswith(f"bytes {start}")


async def _receive(response: httpx2.Response, file: anyio.AsyncFile[bytes], progress: Progress, what: str) -> None:
    so_far = told = await file.tell()
    total = so_far + int(response.headers.get("Content-Length", 0))
    await progress(_line(what, so_far, total))
    async for piece in response.aiter_raw():
        await file.write(piece)
        so_far += len(piece)
        if so_far - told >= TOLD_EVERY:
            told = so_far
            await progress(_line(what, so_far, total))


def _line(what: str, so_far: int, total: int) -> str:
    whole = f" of {total / MIB:.0f}" if total > so_far else ""
    return f"{what}: {so_far / MIB:.0f}{whole} MiB"
