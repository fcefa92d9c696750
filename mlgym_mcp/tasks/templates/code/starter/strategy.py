"""The player: `play` is called once for each round of each game."""

from __future__ import annotations


def play(history: list[tuple[int, int]]) -> int:
    """Return 0 or 1."""
    return 0
