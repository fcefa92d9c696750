"""The world beyond this machine, as programs see it that are told to reach it through a proxy: it answers nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

MOST_LINE = 1 << 16


@dataclass
class Outside:
    """A proxy that hangs up, and what it was asked for."""

    url: str
    wanted: list[str] = field(default_factory=list)
    """The first line of each request: a method and an address."""

    @property
    def variables(self) -> dict[str, str]:
        """What sends a program's requests here, but for those that stay on this machine."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        ours = {**dict.fromkeys(names, self.url), "NO_PROXY": "127.0.0.1,localhost"}
        return ours | {name.lower(): value for name, value in ours.items()}

    async def note(self, stream: SocketStream) -> None:
        """Note what a program wants, and hang up."""
        async with stream:
            line = await BufferedByteReceiveStream(stream).receive_until(b"\r\n", MOST_LINE)
            self.wanted.append(line.decode())


@asynccontextmanager
async def no_way_out() -> AsyncIterator[Outside]:
    """A proxy that leads nowhere, while the block runs."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        outside = Outside(f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}")
        tasks.start_soon(listener.serve, outside.note)
        yield outside
        tasks.cancel_scope.cancel()
