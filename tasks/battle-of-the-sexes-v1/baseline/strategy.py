"""The baseline row player: open with 0, then mostly follow the column player's last move."""

import random


def row_strategy(history: list[tuple[int, int]]) -> int:
    """Return the next move, 0 or 1."""
    if not history:
        return 0
    own_last, column_last = history[-1]
    return random.choices([0, 1, column_last, own_last], weights=[10, 10, 70, 10])[0]
