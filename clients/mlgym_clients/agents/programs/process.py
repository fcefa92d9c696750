"""A program and all that it starts, from its beginning to its end."""

import os
import signal
import subprocess
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

GUARD = 'read -r _; kill -s KILL -- "-$0"'
"""A shell's script: ends a process group when its own input does, which we hold open, and so when we end, however."""

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
    with launch.said.open("rb") as said, launch.output.open("wb") as output, launch.errors.open("wb") as errors:
        process = await anyio.open_process(
            launch.command,
            stdin=said,
            stdout=output,
            stderr=errors,
            cwd=launch.workdir,
            env=launch.environment,
            start_new_session=True,
        )
    _RUNNING.add(process.pid)
    try:
        async with _guarded(process.pid):
            yield process
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                _signal(process.pid, signal.SIGTERM)
                with anyio.move_on_after(END_GRACE):
                    await process.wait()
            _signal(process.pid, signal.SIGKILL)
            await process.wait()
            _RUNNING.discard(process.pid)


@asynccontextmanager
async def _guarded(group: int) -> AsyncIterator[None]:
    """See to it that a group ends with us while the block runs, even if we are killed."""
    command = ["/bin/sh", "-c", GUARD, str(group)]
    async with await anyio.open_process(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as guard:
        try:
            yield
        finally:
            guard.kill()


def kill_all() -> None:
    """End every program at once, with all that it has started: for who will not wait until each has ended."""
    for group in _RUNNING:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
