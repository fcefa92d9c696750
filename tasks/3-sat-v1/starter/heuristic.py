"""The branching heuristic. `heuristic_fn` is called whenever the solver can't go on without a guess."""

from __future__ import annotations


def heuristic_fn(
    clauses: list[list[int]],
    assignments: dict[int, bool],
    conflict_count: dict[int, int],
    assignment_history: list[int],
    level: list[list[int]],
) -> tuple[int, bool]:
    """Return the variable to branch on and the value to try first."""
    open_variables = {abs(literal) for clause in clauses for literal in clause} - assignments.keys()
    return max(open_variables), True
