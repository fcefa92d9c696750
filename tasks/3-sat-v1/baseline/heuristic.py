"""The baseline: any variable that still matters, true first."""

from __future__ import annotations

import random


def heuristic_fn(
    clauses: list[list[int]],
    assignments: dict[int, bool],
    conflict_count: dict[int, int],
    assignment_history: list[int],
    level: list[list[int]],
) -> tuple[int, bool]:
    """Return the variable to branch on and the value to try first."""
    random.seed(10)
    open_variables = sorted({abs(literal) for clause in clauses for literal in clause} - assignments.keys())
    return random.choice(open_variables), True
