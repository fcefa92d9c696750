"""Plays the submission's row player against the fixed column player, all games in lock-step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from chance import Chance
from judging import Case, Fault, Measure, choices, mean
from wire import Array

GAMES = 10_000
ROUNDS = 10
ROUND_LIMIT = 60.0
"""Seconds in which the submission must move in one round of all games."""
COOPERATE, DEFECT = 0, 1
ROW_PAYOFFS = {(0, 0): 3, (0, 1): 0, (1, 0): 5, (1, 1): 1}
REPEAT, CHANGE = 0.5, 0.9
"""Where, in [0, 1), the noisy rule's draws for its own last move end, and those for the opposite of the row's."""
NOISY_COOPERATION = 0.3333


def noisy(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """Anything may come, its own last move most often."""
    if not rows:
        return DEFECT
    draw = chance.random()
    if draw < REPEAT:
        return COOPERATE if draw < NOISY_COOPERATION else DEFECT
    return columns[-1] if draw < CHANGE else 1 - rows[-1]


def coin(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """Either move, alike often."""
    return COOPERATE if chance.random() < 0.5 else DEFECT


def tit_for_tat(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The row player's last move."""
    return rows[-1] if rows else COOPERATE


def suspicious(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The row player's last move, after a defection."""
    return rows[-1] if rows else DEFECT


def grim(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """Never again after the first defection."""
    return DEFECT if DEFECT in rows else COOPERATE


def pavlov(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """Cooperate where both did the same."""
    return DEFECT if rows and rows[-1] != columns[-1] else COOPERATE


def two_tats(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """Defect after two defections in a row."""
    return DEFECT if _defected_twice(rows) else COOPERATE


def forgiving(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The row player's last move, but peace after two defections in a row."""
    return COOPERATE if _defected_twice(rows) else tit_for_tat(rows, columns, chance)


def always_cooperate(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The same whatever happens."""
    return COOPERATE


def always_defect(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The same whatever happens."""
    return DEFECT


def _defected_twice(rows: Sequence[int]) -> bool:
    return list(rows[-2:]) == [DEFECT, DEFECT]


Rule = Callable[[Sequence[int], Sequence[int], Chance], int]
RULES: list[Rule] = [
    noisy,
    tit_for_tat,
    always_cooperate,
    always_defect,
    coin,
    grim,
    pavlov,
    two_tats,
    suspicious,
    coin,
    forgiving,
]
"""Every round of every game one of them is drawn; the coin stands there twice, as in the original."""


def column_move(rows: Sequence[int], columns: Sequence[int], chance: Chance) -> int:
    """The column player's move after these moves of both."""
    return RULES[int(chance.random() * len(RULES))](rows, columns, chance)


def grade(case: Case) -> dict[str, Measure]:
    """Mean over games of the row player's mean payoff in a round."""
    if not Path(case.submission, "strategy.py").is_file():
        raise Fault("missing_file", "the submission has no file strategy.py")
    chance = Chance(case.seed)
    contestant = case.contestant(0)
    question = {"op": "map", "file": "strategy.py", "function": "row_strategy"}
    histories = [bytearray() for _ in range(GAMES)]
    payoffs = [0] * GAMES
    for played in range(ROUNDS):
        history = Array.of(b"".join(histories), (GAMES, played, 2))
        _, answer = contestant.ask(question, [history], limit=ROUND_LIMIT)
        moves = choices(answer, count=GAMES, allowed=range(2), what=f"round {played + 1}, move of game")
        for game, row in enumerate(moves):
            column = column_move(histories[game][::2], histories[game][1::2], chance)
            payoffs[game] += ROW_PAYOFFS[row, column]
            histories[game] += bytes((row, column))
    return {"score": mean([payoff / ROUNDS for payoff in payoffs])}
