"""The baseline row player: a few random reinforcements, then the rest in random shares."""

import random

SOLDIERS = 120
FIELDS = 6

History = list[tuple[tuple[int, ...], tuple[int, ...]]]


def row_strategy(history: History) -> list[int]:
    """Return soldiers for the six fields."""
    placed = [0] * FIELDS
    for _ in range(random.randint(1, FIELDS)):
        placed[random.randrange(FIELDS)] += random.randint(10, 30)
    for field in range(FIELDS):
        left = SOLDIERS - sum(placed)
        if left > 0 and placed[field] == 0:
            placed[field] = random.randint(0, left)
    return scaled(placed)


def scaled(placed: list[int]) -> list[int]:
    """All soldiers in these proportions, rounded down; what remains goes to one field."""
    total = sum(placed)
    fitted = [count * SOLDIERS // total for count in placed]
    fitted[random.randrange(FIELDS)] += SOLDIERS - sum(fitted)
    return fitted
