"""Walks with each of two checkpoints, all walks of one in lock-step, each checkpoint in a contestant of its own."""

from __future__ import annotations

from array import array

from chance import Chance
from judging import Case, Fault, Measure, choices, proportion
from wire import Array

CHECKPOINTS = 2
WALKS = 1000
STEPS = 12
GOAL = 10
SLIP = 0.2


def grade(case: Case) -> dict[str, Measure]:
    """The share of walks that arrive."""
    _require_files(case)
    chance = Chance(case.seed)
    arrived = sum(_walk(case, checkpoint, chance) for checkpoint in range(CHECKPOINTS))
    return {"arrived": proportion(arrived, CHECKPOINTS * WALKS)}


def _require_files(case: Case) -> None:
    names = [f"checkpoints/{checkpoint}.json" for checkpoint in range(CHECKPOINTS)]
    for name in ["policy.py", *names]:
        if not (case.submission / name).is_file():
            raise Fault("missing_file", f"the submission has no file {name}")
    if len({(case.submission / name).read_bytes() for name in names}) < CHECKPOINTS:
        raise Fault("same_checkpoints", "two checkpoints are identical; train twice")


def _walk(case: Case, checkpoint: int, chance: Chance) -> int:
    """How many walks arrive."""
    contestant = case.contestant(checkpoint)
    places = [int(chance.random() * GOAL) for _ in range(WALKS)]
    for step in range(STEPS):
        rows = array("q", [number for place in places for number in (checkpoint, place)])
        question = {"op": "map", "file": "policy.py", "function": "act"}
        _, answer = contestant.ask(question, [Array.of(rows, (WALKS, 2))])
        moves = choices(answer, count=WALKS, allowed=range(2), what=f"step {step + 1}, move of walk")
        for walk, move in enumerate(moves):
            right = (move == 1) != (chance.random() < SLIP)
            if places[walk] < GOAL:
                places[walk] = max(0, places[walk] + (1 if right else -1))
    return places.count(GOAL)
