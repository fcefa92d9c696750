"""Capacity: how much may be in use at once, first come first served, and who is how far."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio

from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sessions.amounts import Amounts


@dataclass(eq=False, slots=True)
class _Turn:
    """One who waits."""

    wanted: Amounts
    news: anyio.Event = field(default_factory=anyio.Event)


class Capacity:
    """An amount of each kind. Nobody overtakes: what a large one waits for is not given to a small one behind it."""

    def __init__(self, total: Amounts) -> None:
        self.total = total
        self.taken = Amounts()
        """Perhaps more than all there is: what runs already, or must not wait, is counted without asking."""
        self._waiting: deque[_Turn] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def missing(self, wanted: Amounts) -> Amounts:
        """Of what is wanted, that of which there is not enough even when nobody has any."""
        return wanted.beyond(self.total)

    async def take(self, wanted: Amounts, say: Progress = silent) -> None:
        """Take once everybody before has theirs; `say` is told how that goes. Never ends if anything is `missing`."""
        turn = _Turn(wanted)
        self._waiting.append(turn)
        try:
            while self._waiting[0] is not turn or self._short(wanted):
                turn.news = anyio.Event()
                await say(self._outlook(turn))
                self._pass_on(turn)
                await turn.news.wait()
            self.taken += wanted
        finally:
            self._waiting.remove(turn)
            self._tell()

    def take_beyond(self, amounts: Amounts) -> None:
        """Take at once even if that is more than there is."""
        self.taken += amounts

    def give(self, amounts: Amounts) -> None:
        """Give back."""
        self.taken -= amounts
        self._tell()

    @asynccontextmanager
    async def held(self, amounts: Amounts) -> AsyncIterator[None]:
        """Hold what is taken in turn while the block runs."""
        await self.take(amounts)
        try:
            yield
        finally:
            self.give(amounts)

    @contextmanager
    def held_beyond(self, amounts: Amounts) -> Iterator[None]:
        """Hold, while the block runs, what is taken at once even if that is more than there is."""
        self.take_beyond(amounts)
        try:
            yield
        finally:
            self.give(amounts)

    def _short(self, wanted: Amounts) -> Amounts:
        return wanted.beyond(self.total - self.taken)

    def _outlook(self, turn: _Turn) -> str:
        place = self._waiting.index(turn)
        before = f"{place} wait before this one" if place else "this one is the next"
        return f"waits for {self._short(turn.wanted) or 'its turn'}; {before}"

    def _tell(self) -> None:
        if self._waiting:
            self._waiting[0].news.set()

    def _pass_on(self, turn: _Turn) -> None:
        # From each to the next: were all told at once, a long queue would keep everybody else waiting for a moment.
        place = self._waiting.index(turn) + 1
        if place < len(self._waiting):
            self._waiting[place].news.set()
