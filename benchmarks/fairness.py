"""How fair a queue was: what those who waited in it can say of it afterwards."""

import statistics
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """One who waited. Times in seconds."""

    kind: str
    came: float
    accepted: float
    """Later than it came if too many waited then, and it had to come again."""
    let_in: float

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.let_in - self.came


def overtakings(spans: Iterable[tuple[float, float]]) -> int:
    """How many pairs there are, by when they came and were let in, of whom the later was let in before the earlier."""
    seen: list[float] = []
    found = 0
    for _, let_in in sorted(spans):
        found += len(seen) - bisect_left(seen, let_in + 1e-6)
        insort(seen, let_in)
    return found


def jain(figures: Sequence[float]) -> float:
    """Jain's index: 1 where all have the same, 1/n where one has everything."""
    squares = sum(figure * figure for figure in figures)
    return sum(figures) ** 2 / (len(figures) * squares) if squares else 1.0


def quantile(figures: Sequence[float], share: float) -> float:
    """The figure that this share of all does not exceed."""
    return sorted(figures)[min(len(figures) - 1, int(share * len(figures)))]


def told(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and longest, in minutes."""
    middle, most = statistics.median(seconds), max(seconds)
    return f"{middle / 60:.1f} / {quantile(seconds, 0.95) / 60:.1f} / {most / 60:.1f} min"
