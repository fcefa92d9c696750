"""A channel: a running program of a sandbox, with piped input and output."""

from dataclasses import dataclass

from mlgym_mcp.sandbox.answers import integer
from mlgym_mcp.sandbox.frames import CHUNK
from mlgym_mcp.sandbox.link import Link


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program ended: its exit code (-N for signal N) and the end of what it wrote to stderr."""

    exit_code: int
    stderr: bytes


class Channel:
    """A running program with piped input and output."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number

    async def send(self, data: bytes) -> None:
        """Write to the program's input; returns once it was taken, or when the program is gone."""
        for start in range(0, len(data), CHUNK):
            header = {"op": "send", "program": self._number}
            await self._link.request(header, data[start : start + CHUNK], wait=3600, repeatable=False)

    async def receive(self) -> bytes:
        """What the program printed next; empty at the end of its output."""
        _, data = await self._link.request({"op": "receive", "program": self._number}, wait=3600, repeatable=False)
        return data

    async def close(self, *, grace: float = 0.0) -> ProgramEnd:
        """Close the program's input, let it end by itself for `grace` seconds, then end it."""
        header = {"op": "close", "program": self._number, "grace": grace}
        reply, errors = await self._link.request(header, wait=grace, repeatable=False)
        return ProgramEnd(integer(reply, "exit"), errors)
