"""The baseline row player: toss a coin, then mostly do what the column player did last."""

import random


def row_strategy(history: list[tuple[int, int]]) -> int:
    """Return the next move, 0 or 1."""
    if not history:
        return random.randrange(2)
    own_last, column_last = history[-1]
    weights = [10, 75, 15] if column_last else [60, 10, 30]
    return random.choices([0, 1, own_last], weights=weights)[0]
