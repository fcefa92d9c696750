"""A runner, judge or contestant, as the host talks to it: frames over its standard input and output."""

from collections.abc import Mapping
from typing import Any

from anyio import EndOfStream

from mlgym_mcp.sandbox.channel import Channel, ProgramEnd
from mlgym_mcp.sandbox.frames import FrameReceiver, Header, encode
from mlgym_mcp.sandbox.guest import Guest

MAX_BODY = 64 * 1024 * 1024
"""Bytes of one frame's body; as the runners themselves have it."""
END_GRACE = 10.0
"""Seconds that a runner whose output has ended may take to be gone; Python tears down slowly when memory is short."""
ARTEFACT = "/workspace/artefact.tar"


class Runner:
    """A program of `sandbox/`, started in a sandbox that already holds the artefact."""

    def __init__(self, guest: Guest, channel: Channel) -> None:
        self._guest = guest
        self._channel = channel
        self._frames = FrameReceiver(self._next_piece, max_body=MAX_BODY)

    @classmethod
    async def start(cls, guest: Guest, python: str, program: str, *, hash_seed: int) -> "Runner":
        """Start `/run/guest/<program>.py`."""
        env = {"PYTHONHASHSEED": str(hash_seed % 2**32)}
        return cls(guest, await guest.spawn([python, "-I", f"/run/guest/{program}.py"], env=env))

    async def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        """Send one frame; a runner that has ended takes it silently."""
        await self._channel.send(encode(header, body, max_body=MAX_BODY))

    async def receive(self) -> tuple[Header, bytes]:
        """The next frame.

        Raises:
            FrameError: what came is not a frame.
            anyio.EndOfStream: the runner has ended.
        """
        return await self._frames.receive()

    async def close(self) -> ProgramEnd:
        """Let the runner end, or end it; how it did."""
        return await self._channel.close(grace=END_GRACE)

    async def sandbox_ended(self) -> bool:
        """Whether the runner's whole sandbox has ended, by what its backend says.

        Raises:
            SandboxError: the backend can't tell.
        """
        return await self._guest.sandbox_ended()

    async def _next_piece(self) -> bytes:
        if data := await self._channel.receive():
            return data
        raise EndOfStream
