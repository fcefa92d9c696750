"""Choice: which things go. Never what is needed or was used of late; the others by age, and then oldest first."""

from collections.abc import Collection
from dataclasses import dataclass

from mlgym_mcp.pruning.thing import Thing

FLOOR = 4 * 3600.0
"""Seconds for which nothing goes after its last use: the longest scoring takes less."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is to be left: nothing unused for so many seconds, and no more than so many bytes."""

    older_than: float | None = None
    max_size: int | None = None


def chosen(things: Collection[Thing], bounds: Bounds, now: float) -> list[Thing]:
    """The things that go, oldest first. `now` in seconds since the epoch."""
    left, going = sum(thing.size for thing in things), []
    free = [thing for thing in things if not thing.needed and thing.used_at <= now - FLOOR]
    for thing in sorted(free, key=lambda one: one.used_at):
        old = bounds.older_than is not None and thing.used_at <= now - bounds.older_than
        if old or (bounds.max_size is not None and left > bounds.max_size):
            going.append(thing)
            left -= thing.size
    return going
