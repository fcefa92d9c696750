"""Programs of the host that set sandboxes up: run to their end, their output told line by line."""

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.abc import ByteReceiveStream

PUBLIC = 0o022
"""The umask of every program: what it makes may be read by sandboxes, which run under other users' ids."""

Progress = Callable[[str], Awaitable[None]]
"""Is told each line of output as it comes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it printed on either stream."""

    exit_code: int
    output: str


async def silent(_line: str) -> None:
    """A `Progress` that tells nobody."""


async def run(command: Sequence[str], *, on_line: Progress = silent) -> Ended:
    """Run a program without input in /; a caller that is cancelled kills it.

    Raises:
        OSError: there is no such program.
    """
    lines: list[str] = []
    async with await anyio.open_process(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/", umask=PUBLIC
    ) as program:
        assert program.stdout is not None
        async for line in _lines(program.stdout):
            lines.append(line)
            await on_line(line)
        exit_code = await program.wait()
    return Ended(exit_code, "\n".join(lines))


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[str]:
    rest = b""
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
