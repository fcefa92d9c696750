"""How many scorings run at once, and that an exclusive one runs alone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio


class Capacity:
    """A fixed number of places; an exclusive scoring takes all of them."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = anyio.Semaphore(places)
        self._turn = anyio.Lock()

    @asynccontextmanager
    async def place(self, *, exclusive: bool) -> AsyncIterator[None]:
        """Hold a place, or all of them, for the length of the block."""
        async with AsyncExitStack() as held:
            # One at a time collects places: two exclusive ones would wait for each other's.
            async with self._turn:
                for _ in range(self._places if exclusive else 1):
                    await held.enter_async_context(self._free)
            yield
