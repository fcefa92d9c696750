"""A token bucket: how often something may happen."""

import time
from collections.abc import Callable


class Bucket:
    """Holds so many turns at most, is full to begin with, and fills up again steadily."""

    def __init__(self, size: int, period: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        """`period`: seconds in which an empty one fills up. `now`: seconds of some clock that never goes back."""
        self._size = size
        self._period = period
        self._now = now
        self._left = float(size)
        self._at = now()

    @property
    def full(self) -> bool:
        """Whether nothing has been taken lately; then a new one is as good."""
        self._fill()
        return self._left >= self._size

    def take(self) -> float:
        """Take a turn: 0, or if there is none the seconds until there is one."""
        self._fill()
        if self._left < 1:
            return (1 - self._left) * self._period / self._size
        self._left -= 1
        return 0.0

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._size, self._left + (now - self._at) * self._size / self._period)
        self._at = now
