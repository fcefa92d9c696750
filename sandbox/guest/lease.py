"""How long the sandbox lives: until its deadline, or until nobody has needed it for a while."""

import os
import time
from typing import Callable

from loop import Loop

LOOK = 1.0
"""Seconds between two looks at whether anybody is there."""


class Lease:
    """Ends the guest, and as it is process 1 the kernel then ends everything else."""

    def __init__(self, loop: Loop, lifetime: float, orphan_grace: float, needed: Callable[[], bool]) -> None:
        self.loop = loop
        self._grace = orphan_grace
        self._needed = needed
        self._last_needed = time.monotonic()
        self._deadline = loop.later(lifetime, _end)
        loop.later(LOOK, self._look)

    def renew(self, lifetime: float) -> None:
        """Live for `lifetime` seconds from now."""
        self._deadline.cancel()
        self._deadline = self.loop.later(max(0.0, lifetime), _end)

    def _look(self) -> None:
        now = time.monotonic()
        if self._needed():
            self._last_needed = now
        elif now - self._last_needed > self._grace:
            _end()
        self.loop.later(LOOK, self._look)


def _end() -> None:
    os._exit(0)
