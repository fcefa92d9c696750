"""Plays the submission against an opponent that shows 1 more often than not, all games in lock-step."""

from __future__ import annotations

from chance import Chance
from judging import Case, Fault, Measure, choices, mean
from wire import Array

GAMES = 2000
ROUNDS = 10
BIAS = 0.7
"""How often the opponent shows 1."""


def grade(case: Case) -> dict[str, Measure]:
    """The share of rounds won, over games."""
    if not (case.submission / "strategy.py").is_file():
        raise Fault("missing_file", "the submission has no file strategy.py")
    chance = Chance(case.seed)
    contestant = case.contestant(0)
    histories = [bytearray() for _ in range(GAMES)]
    won = [0] * GAMES
    for played in range(ROUNDS):
        rows = Array.of(b"".join(histories), (GAMES, played, 2))
        _, answer = contestant.ask({"op": "map", "file": "strategy.py", "function": "play"}, [rows])
        moves = choices(answer, count=GAMES, allowed=range(2), what=f"round {played + 1}, move of game")
        for game, own in enumerate(moves):
            other = int(chance.random() < BIAS)
            won[game] += own == other
            histories[game] += bytes((own, other))
    return {"score": mean([count / ROUNDS for count in won])}
