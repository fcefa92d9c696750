"""Solves the example instances with heuristic.py, by the judge's rules: `python3 solver.py [HOW_MANY]`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

INSTANCES = Path("/data/instances.jsonl")

Clause = Sequence[int]
Heuristic = Callable[..., "tuple[int, bool]"]


class Solver:
    """A plain recursive DPLL."""

    def __init__(self, variables: int, clauses: Sequence[Clause], heuristic: Heuristic) -> None:
        self.heuristic = heuristic
        self.decisions = 0
        self.unresolved: list[Clause] = list(clauses)
        self.resolved: list[Clause] = []
        self.assignments: dict[int, bool] = {}
        self.conflict_count = {variable: 0 for variable in range(1, variables + 1)}
        self.assignment_history: list[int] = []
        self.level: list[list[int]] = []

    def solve(self) -> bool:
        """Whether the clauses can be satisfied under the present assignment."""
        if not self.unresolved:
            return True
        for clause in self.unresolved:
            if all(self.value(literal) is False for literal in clause):
                for literal in clause:
                    self.conflict_count[abs(literal)] += 1
                return False
        outcome = self.propagate()
        if outcome is not None:
            return outcome
        variable, value = self.ask()
        for tried in (value, not value):
            self.level.append([])
            self.assign(variable if tried else -variable)
            if self.solve():
                return True
            self.backtrack()
        return False

    def ask(self) -> tuple[int, bool]:
        """One call of the heuristic, with copies that it may change."""
        self.decisions += 1
        return self.heuristic(
            [list(clause) for clause in self.unresolved],
            dict(self.assignments),
            dict(self.conflict_count),
            list(self.assignment_history),
            [list(variables) for variables in self.level],
        )

    def value(self, literal: int) -> bool | None:
        """Whether the literal holds; None where its variable has no value."""
        value = self.assignments.get(abs(literal))
        return value if value is None or literal > 0 else not value

    def assign(self, literal: int) -> None:
        """Make the literal true, on the present level."""
        variable = abs(literal)
        self.assignments[variable] = literal > 0
        self.assignment_history.append(variable)
        self.level[-1].append(variable)
        self.resolved = self.resolved + [clause for clause in self.unresolved if literal in clause]
        self.unresolved = [clause for clause in self.unresolved if literal not in clause]

    def propagate(self) -> bool | None:
        """Follow unit clauses: True when all is satisfied; False on a conflict, which undoes what followed."""
        before = (self.unresolved, self.resolved, dict(self.assignments), len(self.assignment_history))
        followed = 0
        while (literal := self.unit()) is not None:
            self.assign(literal)
            followed += 1
            if not self.unresolved:
                return True
            if any(all(self.value(other) is False for other in clause) for clause in self.unresolved):
                self.conflict_count[abs(literal)] += 1
                self.unresolved, self.resolved, self.assignments, length = before
                del self.assignment_history[length:]
                del self.level[-1][-followed:]
                return False
        return None

    def unit(self) -> int | None:
        """The one literal without a value in the first clause that has no other left."""
        for clause in self.unresolved:
            left = [literal for literal in clause if self.value(literal) is None]
            if len(left) == 1:
                return left[0]
        return None

    def backtrack(self) -> None:
        """Undo the last level."""
        for variable in self.level.pop():
            del self.assignments[variable]
            self.assignment_history.pop()
        again = [clause for clause in self.resolved if not any(self.value(literal) for literal in clause)]
        self.resolved = [clause for clause in self.resolved if any(self.value(literal) for literal in clause)]
        self.unresolved = self.unresolved + again


def main() -> None:
    """Solve the first instances, all by default, and print what it took."""
    from heuristic import heuristic_fn

    lines = INSTANCES.read_text(encoding="ascii").splitlines()
    instances = [json.loads(line) for line in lines][: int(sys.argv[1]) if len(sys.argv) > 1 else None]
    began = time.perf_counter()
    decisions = 0
    for instance in instances:
        solver = Solver(instance["variables"], instance["clauses"], heuristic_fn)
        if solver.solve() is not instance["satisfiable"]:
            raise AssertionError("the solver is wrong about an instance")
        decisions += solver.decisions
    seconds = time.perf_counter() - began
    sys.stdout.write(f"{len(instances)} instances: {decisions / len(instances):.3f} decisions each, {seconds:.2f} s\n")


if __name__ == "__main__":
    main()
