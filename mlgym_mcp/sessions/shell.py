"""The shell: foreground commands of a session take it in turn, each for no longer than its caller waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from mlgym_mcp.errors import CommandRefused, SandboxGone, SessionBusy
from mlgym_mcp.sandbox.answers import JobInfo
from mlgym_mcp.sandbox.guest import Guest

TAIL = 400
"""Bytes of a job's output in which to look for its last line."""


class Shell:
    """Whose turn it is at the session's shell."""

    def __init__(self) -> None:
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def turn(self, guest: Guest, patience: float) -> AsyncIterator[None]:
        """Hold the shell while the block runs.

        Raises:
            SessionBusy: it stayed busy for `patience` seconds; names what runs.
        """
        if not await self._acquire(patience):
            raise SessionBusy(await _busy_text(guest))
        try:
            yield
        finally:
            self._lock.release()

    async def _acquire(self, patience: float) -> bool:
        try:
            self._lock.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(patience) as scope:
                await self._lock.acquire()
            return not scope.cancelled_caught
        return True


async def last_line(guest: Guest | None, name: str | None = None) -> str:
    """The last line that a running job printed, the latest if none is named; empty when there is none."""
    if guest is None:
        return ""
    try:
        job = await _latest_running(guest, name)
        if job is None:
            return ""
        output = await guest.job_wait(job.job, wait_s=0, offset=max(0, job.size - TAIL))
    except (CommandRefused, SandboxGone):
        return ""
    lines = (output.head + output.tail).decode("utf-8", "backslashreplace").splitlines()
    return lines[-1] if lines else ""


async def _latest_running(guest: Guest, name: str | None = None) -> JobInfo | None:
    return next((job for job in reversed(await guest.jobs()) if job.running and name in (None, job.job)), None)


async def _busy_text(guest: Guest) -> str:
    job = await _latest_running(guest)
    if job is None:
        return "The shell was busy for as long as this call would wait; repeat it."
    command = job.command.partition("\n")[0][:80]
    return (
        f"The shell is busy with {job.job}: {command!r}, for {job.seconds:.0f} s now. "
        f"Repeat the call later, end {job.job} with `job`, or run this command with background=true."
    )
