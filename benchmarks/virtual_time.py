"""Time that passes only when nothing else can happen: hours of a server's life in minutes.

The event loop's clock stands still while anything is ready to run or a thread is at work, and then jumps to the next
timer. Whatever waits by anyio or asyncio is carried along, unchanged; code that reads the machine's own clock is not.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter

T = TypeVar("T")

EPOCH = 1_700_000_000.0
"""Seconds since the epoch at which virtual time begins."""


class VirtualClock:
    """The clock of a server whose event loop is virtual."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` have passed."""
        await anyio.sleep(seconds)


class _Selector(selectors.DefaultSelector):
    """Waits for nothing but threads; where the loop would wait for a timer, the time has come already."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threads: CapacityLimiter | None = None
        """None until it is known: until then, time does not pass."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads is None or self.threads.borrowed_tokens:
            return super().select(0 if timeout == 0 else None)  # a thread that is done wakes the loop
        if timeout == 0:
            return []
        if timeout is None:
            raise RuntimeError("nothing is left that could happen: whoever still waits waits for ever")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual. Of threads it knows those of anyio's default limiter."""

    def __init__(self) -> None:
        self._time = _Selector()
        super().__init__(self._time)

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._time.now

    def wait_for_threads_of(self, limiter: CapacityLimiter) -> None:
        """Let no time pass while one of these works."""
        self._time.threads = limiter


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run something to its end in virtual time."""

    async def attended() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.wait_for_threads_of(current_default_thread_limiter())
        return await work()

    return anyio.run(attended, backend_options={"loop_factory": VirtualLoop})
