"""Token buckets: how often something may happen."""

import time
from collections.abc import Callable, Hashable

MANY = 1000
"""Buckets of different keys that are kept before those are forgotten that are full, and so as good as new."""


class Bucket:
    """Holds so many turns at most, is full to begin with, and fills up again steadily."""

    def __init__(self, size: int, period: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        """`period`: seconds in which an empty one fills up. `now`: seconds of some clock that never goes back."""
        self._size = size
        self._period = period
        self._now = now
        self._left = float(size)
        self._at = now()
        self.missed = 0
        """Turns that were asked for in vain since the last one was had."""

    @property
    def full(self) -> bool:
        """Whether nothing has been taken lately; then a new one is as good."""
        self._fill()
        return self._left >= self._size

    def take(self) -> float:
        """Take a turn: 0, or if there is none the seconds until there is one."""
        self._fill()
        if self._left < 1:
            self.missed += 1
            return (1 - self._left) * self._period / self._size
        self._left -= 1
        self.missed = 0
        return 0.0

    def _fill(self) -> None:
        now = self._now()
        self._left = min(self._size, self._left + (now - self._at) * self._size / self._period)
        self._at = now


class Buckets:
    """A bucket for each key, such as a caller: all of one size, in turns a minute."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._buckets: dict[Hashable, Bucket] = {}

    def of(self, key: Hashable) -> Bucket:
        """The bucket of a key, a full one where it has none."""
        if key not in self._buckets:
            if len(self._buckets) >= MANY:
                self._buckets = {one: bucket for one, bucket in self._buckets.items() if not bucket.full}
            self._buckets[key] = Bucket(self._size)
        return self._buckets[key]
