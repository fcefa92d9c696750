"""Plays the submission's row player against the fixed column player, all games in lock-step."""

from __future__ import annotations

from pathlib import Path

from chance import Chance
from judging import Case, Fault, Measure, choices, mean
from wire import Array

GAMES = 10_000
ROUNDS = 10
ROUND_LIMIT = 60.0
"""Seconds in which the submission must move in one round of all games."""
ROW_PAYOFFS = {(0, 0): 2, (1, 1): 1, (0, 1): 0, (1, 0): 0}
STUBBORNNESS = 0.8
"""How often the column player plays what the row player played in the first round."""


def column_move(row_first_move: int | None, chance: Chance) -> int:
    """The column player's move; None in the first round."""
    if row_first_move is None:
        return 1
    return row_first_move if chance.random() < STUBBORNNESS else 1 - row_first_move


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
            column = column_move(histories[game][0] if played else None, chance)
            payoffs[game] += ROW_PAYOFFS[row, column]
            histories[game] += bytes((row, column))
    return {"score": mean([payoff / ROUNDS for payoff in payoffs])}
