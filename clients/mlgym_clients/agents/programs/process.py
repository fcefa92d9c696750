"""A program and all that it starts, from its beginning to its end."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process

PAUSE = 0.2
"""Seconds between two looks at what a program has said."""
END_GRACE = 5.0
"""Seconds in which a program that is told to end may do so by itself."""

GUARDED = 'exec 3<&0; (read -r _ <&3; kill -s KILL -- "-$$") & exec "$@" <"$0" 3<&-'
"""A shell's script: becomes a program, with a file as its input. Beside it, in its process group, waits who ends the
group once the shell's own input ends, which we hold open: so it ends with us, even if we are killed."""

_RUNNING: set[int] = set()
"""The process groups of programs that run now."""


@dataclass(frozen=True)
class Launch:
    """What is started, and where."""

    command: Sequence[str]
    environment: Mapping[str, str]
    workdir: Path
    said: Path
    """The file with what it is told on standard input."""
    output: Path
    errors: Path


async def play(launch: Launch, hears: Callable[[bytes], None]) -> int:
    """Run a program to its end, and end whatever it leaves; returns its exit status.

    Args:
        launch: What is to run.
        hears: Is told each line of its output.
    """
    async with _running(launch) as process:
        with launch.output.open("rb") as output:
            rest = b""
            while True:
                ended = process.returncode is not None
                *lines, rest = (rest + output.read()).split(b"\n")
                for line in lines:
                    hears(line)
                if ended:
                    break
                with anyio.move_on_after(PAUSE):
                    await process.wait()
        if rest:
            hears(rest)
        assert process.returncode is not None
        return process.returncode


@asynccontextmanager
async def _running(launch: Launch) -> AsyncIterator[Process]:
    # Its output goes to files: nothing is lost when we end, and a child that keeps a pipe open can't keep us waiting.
    # Whoever is cancelled while it starts has it all the same, and ends it.
    with launch.output.open("wb") as output, launch.errors.open("wb") as errors, anyio.CancelScope(shield=True):
        process = await anyio.open_process(
            ["/bin/sh", "-c", GUARDED, str(launch.said), *launch.command],
            stdout=output,
            stderr=errors,
            cwd=launch.workdir,
            env=launch.environment,
            start_new_session=True,
        )
    _RUNNING.add(process.pid)
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                _signal(process.pid, signal.SIGTERM)
                with anyio.move_on_after(END_GRACE):
                    await process.wait()
            _signal(process.pid, signal.SIGKILL)
            await process.aclose()
            _RUNNING.discard(process.pid)


def kill_all() -> None:
    """End every program at once, with all that it has started: for who will not wait until each has ended."""
    for group in _RUNNING:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
