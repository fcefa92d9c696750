"""Plays the submission's row player against the fixed column player, all games in lock-step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chance import Chance
from judging import Case, Fault, Measure, mean
from wire import Array

GAMES = 10_000
ROUNDS = 10
ROUND_LIMIT = 60.0
"""Seconds in which the submission must place its soldiers in one round of all games."""
FIELDS = 6
SOLDIERS = 120

Placement = Sequence[int]


def column_placement(chance: Chance) -> list[int]:
    """Six numbers drawn from 0 to 120 and scaled to 120, rounded down; what remains goes to one field."""
    drawn = [int(chance.random() * (SOLDIERS + 1)) for _ in range(FIELDS)]
    total = sum(drawn) or 1
    placed = [count * SOLDIERS // total for count in drawn]
    placed[int(chance.random() * FIELDS)] += SOLDIERS - sum(placed)
    return placed


def payoff(row: Placement, column: Placement) -> int:
    """1 where the row player wins more fields than the column player, -1 where it wins fewer, else 0."""
    lead = sum((own > other) - (own < other) for own, other in zip(row, column))
    return (lead > 0) - (lead < 0)


def placements(answer: Sequence[Array], *, number: int) -> list[list[int]]:
    """One placement for each game, all of them allowed; `number` is the round's."""
    if len(answer) != 1 or answer[0].dtype != "int64" or answer[0].shape != (GAMES, FIELDS):
        raise Fault("malformed", f"round {number}: the answer is not one int64 array of {GAMES} x {FIELDS} numbers")
    counts: list[int] = answer[0].values().tolist()
    placed = [counts[start : start + FIELDS] for start in range(0, len(counts), FIELDS)]
    for game, row in enumerate(placed, start=1):
        if min(row) < 0 or sum(row) > SOLDIERS:
            wrong = f"round {number}, game {game}: {row} places {sum(row)} soldiers, the fewest on a field {min(row)}"
            raise Fault("bad_answer", f"{wrong}; at most {SOLDIERS} in all and at least 0 on each are allowed")
    return placed


def grade(case: Case) -> dict[str, Measure]:
    """Mean over games of the row player's mean payoff in a round."""
    if not Path(case.submission, "strategy.py").is_file():
        raise Fault("missing_file", "the submission has no file strategy.py")
    chance = Chance(case.seed)
    contestant = case.contestant(0)
    question = {"op": "map", "file": "strategy.py", "function": "row_strategy", "width": FIELDS}
    histories = [bytearray() for _ in range(GAMES)]
    payoffs = [0] * GAMES
    for played in range(ROUNDS):
        history = Array.of(b"".join(histories), (GAMES, played, 2, FIELDS))
        _, answer = contestant.ask(question, [history], limit=ROUND_LIMIT)
        for game, row in enumerate(placements(answer, number=played + 1)):
            column = column_placement(chance)
            payoffs[game] += payoff(row, column)
            histories[game] += bytes([*row, *column])
    return {"score": mean([total / ROUNDS for total in payoffs])}
