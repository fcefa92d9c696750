"""Places: how many may do something at once, first come first served, and who is how far."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Places:
    """A number of places. Taking more than one at once waits until that many are free."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self._waiting: deque[tuple[anyio.Event, int]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    async def take(self, count: int = 1) -> None:
        """Take `count` places, at most all there are, once everybody before has theirs."""
        count = min(count, self.total)
        if not self._waiting and self.taken + count <= self.total:
            self.taken += count
            return
        turn = (anyio.Event(), count)
        self._waiting.append(turn)
        try:
            await turn[0].wait()
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._admit()
            else:
                self.give(count)
            raise

    def take_beyond(self) -> None:
        """Take a place even if none is free: for what runs already."""
        self.taken += 1

    def give(self, count: int = 1) -> None:
        """Give places back."""
        self.taken -= min(count, self.total)
        self._admit()

    @asynccontextmanager
    async def held(self, count: int = 1) -> AsyncIterator[None]:
        """Hold `count` places while the block runs."""
        await self.take(count)
        try:
            yield
        finally:
            self.give(count)

    def _admit(self) -> None:
        while self._waiting and self.taken + self._waiting[0][1] <= self.total:
            turn, count = self._waiting.popleft()
            self.taken += count
            turn.set()
