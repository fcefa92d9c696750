"""The server's end of a stream that a host relays."""

from typing import Any

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.sandbox.cluster.connection import ANSWER_LIMIT, answer
from mlgym_mcp.sandbox.cluster.host import HOLD


class RelayedStream(ByteStream):
    """Bytes to and from a guest, by calls of its host's actor.

    A piece is sent by one call, and what the guest says comes in batches: one question is always out, and takes along
    all that is there when it is answered. The next is asked when that has been read, so nothing piles up on the way.
    """

    def __init__(self, host: Any, name: str) -> None:
        self._host = host
        self._name = name
        self._sent = 0
        self._unread = b""
        self._closed = False

    async def send(self, item: bytes) -> None:
        """Send a piece; on return the guest's socket has it."""
        if self._closed:
            raise ClosedResourceError
        place, self._sent = self._sent, self._sent + 1
        try:
            await answer(self._host.send.remote(self._name, place, item))
        except SandboxError as error:
            raise BrokenResourceError from error

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What the guest has sent, at least one byte of it."""
        while not self._unread:
            if self._closed:
                raise ClosedResourceError
            try:
                batch = await answer(self._host.receive.remote(self._name), within=HOLD + ANSWER_LIMIT)
            except SandboxError as error:
                raise BrokenResourceError from error
            if batch is None:
                raise EndOfStream
            self._unread = batch
        piece, self._unread = self._unread[:max_bytes], self._unread[max_bytes:]
        return piece

    async def send_eof(self) -> None:
        """Close the stream: no guest reads on when its server has no more to say."""
        await self.aclose()

    async def aclose(self) -> None:
        """Let the host close the stream."""
        self._closed = True
        self._host.close.remote(self._name)  # nobody waits for it: the host closes what is not asked about
        await anyio.lowlevel.checkpoint()
