"""The row player. `row_strategy` is called once for each round of each game."""


def row_strategy(history: list[tuple[int, int]]) -> int:
    """Return the next move, 0 or 1; history lists the (row, column) moves of this game's earlier rounds."""
    return 0
