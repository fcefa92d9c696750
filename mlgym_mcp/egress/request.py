"""A request to the proxy, as far as it has to be understood: its first line and its headers."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import ByteStream

from mlgym_mcp.egress.refusal import Refusal

MAX_HEAD = 64 * 1024
"""Bytes."""
OF_ONE_HOP = {b"connection", b"host", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"upgrade"}
"""Headers that are not passed on: of this connection alone, or said anew."""

NO_REQUEST = "this is a proxy: ask it for http://host/path, or CONNECT host:port"


@dataclass(frozen=True, slots=True)
class Request:
    """What a program of a sandbox asks for."""

    connection: h11.Connection
    """Holds what came after the headers."""
    head: h11.Request
    host: str
    port: int

    @property
    def method(self) -> str:
        """`GET`, `CONNECT` or another."""
        return self.head.method.decode()

    @property
    def tunnels(self) -> bool:
        """Whether it asks for a connection, about which nothing else is known."""
        return self.method == "CONNECT"

    def onward(self) -> h11.Request:
        """The request as its host reads it. A connection carries one, so that what was checked is all that is asked."""
        parts = urlsplit(self.head.target.decode())
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        kept = [(bytes(name), bytes(value)) for name, value in self.head.headers if name not in OF_ONE_HOP]
        return h11.Request(
            method=self.head.method, target=target, headers=[(b"host", host.encode()), *kept, (b"connection", b"close")]
        )


async def read_request(client: ByteStream) -> Request:
    """Read the head of the one request of a connection.

    Raises:
        Refusal: it is not one for a proxy.
        EndOfStream: the program has gone.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await client.receive())
    except h11.RemoteProtocolError as error:
        raise Refusal(400, f"{NO_REQUEST} ({error})") from None
    if not isinstance(event, h11.Request):
        raise anyio.EndOfStream
    host, port = _place(event)
    return Request(connection, event, host, port)


def _place(head: h11.Request) -> tuple[str, int]:
    target = head.target.decode()
    tunnels = head.method == b"CONNECT"
    try:
        parts = urlsplit(f"//{target}" if tunnels else target)
        host, port = parts.hostname, parts.port or (None if tunnels else 80)
    except ValueError:
        raise Refusal(400, NO_REQUEST) from None
    if not host or not port or parts.scheme != ("" if tunnels else "http"):
        raise Refusal(400, NO_REQUEST)
    return host, port
