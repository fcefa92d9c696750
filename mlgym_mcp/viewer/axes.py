"""What plots and charts share: marks of an axis, round steps between them, and what tells lines apart."""

import math
from dataclasses import dataclass

DASHES = ("", "8 3", "8 3 2 3", "2 3", "12 4", "4 4", "12 3 2 3 2 3", "1 4")
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Style:
    """How one of several lines looks; each can be told from the others without its colour."""

    place: int
    """Among its like."""

    @property
    def dash(self) -> str:
        """The dashes of its line."""
        return DASHES[self.place % len(DASHES)]

    @property
    def colour(self) -> int:
        """Which of the styles' colours it has."""
        return self.place % COLOURS


def round_step(low: float, high: float, about: int) -> float:
    """A round number that divides what lies between two others into at most so many steps."""
    raw = (high - low) / about
    size = 10.0 ** math.floor(math.log10(raw))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
