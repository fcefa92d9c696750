"""Time, as a value that tests can move."""

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """Seconds since the epoch, and a way to wait for them to pass."""

    def now(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed on this clock."""


class SystemClock:
    """The machine's own clock; it survives restarts of the server, so budgets do too."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed."""
        await anyio.sleep(seconds)
