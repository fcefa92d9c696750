"""Solves 3-SAT instances with the submission's branching heuristic, all instances in lock-step.

The rules are those of a plain recursive DPLL: no learning, no pure literals. What ranks is time, and every machine has
its own: so passes with the baseline heuristic, in a sandbox like the submission's, alternate with passes of the
submission, and the best of the one is divided by the best of the others. The first baseline pass is over before
the submission runs anywhere: whatever it leaves running, to slow the later ones down, can't make that one slow.
"""

from __future__ import annotations

import gc
import json
from array import array
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from judging import Case, Contestant, Fault, Measure, mean
from wire import Array, Header

BASELINE_SECONDS = 16.158
"""What the original's baseline took; a pass as fast as the baseline's here is worth as much."""
LEAST_PASSES, MOST_PASSES = 2, 7
ENOUGH = 40.0
"""Seconds after which no further pass of the submission begins once there are LEAST_PASSES."""
LOAD_LIMIT = 60.0
"""Seconds in which the submission must be loaded."""
PASS_LIMIT = 240.0
"""Seconds that all answers of one pass may take."""
BASELINE = '''\
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
'''
"""baseline/heuristic.py; the judge sees no other file of the task's folder."""

Clause = Sequence[int]
Decision = tuple[int, bool]
"""A variable, and the value to try first."""


class Formula:
    """Clauses and what is assigned so far. An unresolved clause has no literal that is true."""

    def __init__(self, variables: int, clauses: Sequence[Clause]) -> None:
        self.unresolved = list(clauses)
        self.values: dict[int, bool] = {}
        self.conflicts = dict.fromkeys(range(1, variables + 1), 0)
        self.order: list[int] = []
        """The assigned variables, first to last."""
        self.levels: list[list[int]] = []
        """The same, by decision: what was decided, then what followed from it."""
        self._resolved: list[Clause] = []

    def settle(self) -> bool | None:
        """Follow the unit clauses: True where all is satisfied, False on a conflict, None where it takes a guess."""
        if not self.unresolved:
            return True
        for clause in self.unresolved:
            if _is_false(clause, self.values):
                for literal in clause:
                    self.conflicts[abs(literal)] += 1
                return False
        return self._propagate()

    def decide(self, variable: int, value: bool) -> None:
        """Assign one variable, as the first of a new level."""
        self.levels.append([variable])
        self.order.append(variable)
        self.values[variable] = value
        self.unresolved, moved = _split(self.unresolved, variable if value else -variable)
        self._resolved += moved

    def take_back(self) -> None:
        """Undo the last level."""
        for variable in self.levels.pop():
            del self.values[variable]
            self.order.pop()
        resolved, self._resolved = self._resolved, []
        for clause in resolved:
            holds = any(self.values.get(abs(literal)) is (literal > 0) for literal in clause)
            (self._resolved if holds else self.unresolved).append(clause)

    def _propagate(self) -> bool | None:
        """On copies: a conflict leaves no trace but its count."""
        values, unresolved, resolved = dict(self.values), self.unresolved, list(self._resolved)
        followed = []
        while (literal := _unit(unresolved, values)) is not None:
            variable = abs(literal)
            values[variable] = literal > 0
            followed.append(variable)
            unresolved, moved = _split(unresolved, literal)
            resolved += moved
            if not unresolved:
                return True
            if any(_is_false(clause, values) for clause in unresolved):
                self.conflicts[variable] += 1
                return False
        self.values, self.unresolved, self._resolved = values, unresolved, resolved
        if followed:
            self.order += followed
            self.levels[-1] += followed
        return None


def _split(clauses: Sequence[Clause], literal: int) -> tuple[list[Clause], list[Clause]]:
    """The clauses without the literal, and those with it."""
    without: list[Clause] = []
    having: list[Clause] = []
    for clause in clauses:
        (having if literal in clause else without).append(clause)
    return without, having


def _is_false(clause: Clause, values: dict[int, bool]) -> bool:
    return all(values.get(abs(literal)) is (literal < 0) for literal in clause)


def _unit(unresolved: Sequence[Clause], values: dict[int, bool]) -> int | None:
    """The first literal that alone is left of an unresolved clause."""
    for clause in unresolved:
        left = [literal for literal in clause if abs(literal) not in values]
        if len(left) == 1:
            return left[0]
    return None


def search(formula: Formula) -> Generator[Formula, Decision, bool]:
    """Whether the formula is satisfiable; yields itself wherever it needs a decision, and is sent one."""
    untried: list[Decision | None] = []  # by level: what remains to be tried there
    while True:
        verdict = formula.settle()
        if verdict:
            return True
        if verdict is None:
            variable, value = yield formula
            untried.append((variable, not value))
            formula.decide(variable, value)
            continue
        while untried and untried[-1] is None:
            untried.pop()
            formula.take_back()
        if not untried:
            return False
        second = untried[-1]
        assert second is not None
        untried[-1] = None
        formula.take_back()
        formula.decide(*second)


@dataclass(frozen=True)
class Instance:
    """One formula, and whether it is satisfiable."""

    variables: int
    clauses: tuple[Clause, ...]
    satisfiable: bool


@dataclass(frozen=True)
class Pass:
    """All instances solved once.

    `seconds`: of solving, by the processor's time, which others on the machine hardly touch; and of answering, by the
    clock, since a contestant's own account of itself is worth nothing. Packing questions is not counted.
    """

    seconds: float
    decisions: list[int]


def run_pass(contestant: Contestant, heuristic: Header, instances: Sequence[Instance]) -> Pass:
    """Solve all instances, asking for the decisions of all that wait at once."""
    question = {"op": "heuristic", "function": "heuristic_fn", **heuristic}
    # A sandbox is started, and the submission loaded, by the first question: that is not the heuristic's time.
    contestant.ask(question, packed([]), limit=LOAD_LIMIT)
    formulas = [Formula(instance.variables, instance.clauses) for instance in instances]
    searches = [search(formula) for formula in formulas]
    decisions = [0] * len(instances)
    began = process_time()
    waiting = [number for number in range(len(instances)) if _advance(searches[number], None, instances[number])]
    solving, answering = process_time() - began, 0.0
    while waiting:
        asked = packed([formulas[number] for number in waiting])
        limit = round(max(PASS_LIMIT - answering, 0.1), 1)
        began = perf_counter()
        _, answer = contestant.ask(question, asked, limit=limit)
        answering += perf_counter() - began
        decided = decisions_of(answer, [formulas[number] for number in waiting])
        began = process_time()
        still = []
        for number, decision in zip(waiting, decided):
            decisions[number] += 1
            if _advance(searches[number], decision, instances[number]):
                still.append(number)
        waiting = still
        solving += process_time() - began
    return Pass(solving + answering, decisions)


def _advance(search: Generator[Formula, Decision, bool], decision: Decision | None, instance: Instance) -> bool:
    """Go on to where the next decision is needed; whether there is one."""
    try:
        search.send(decision) if decision else next(search)
    except StopIteration as end:
        if end.value is not instance.satisfiable:
            raise AssertionError(f"the solver says {end.value}, which is wrong, of {instance}") from None
        return False
    return True


def packed(formulas: Sequence[Formula]) -> list[Array]:
    """What the heuristic is told of each formula; sandbox/questions/heuristic.py takes it apart."""
    sizes, conflicts = array("i"), array("i")
    literals, order = array("b"), array("b")
    values, levels = array("B"), array("B")
    for formula in formulas:
        sizes.extend((len(formula.conflicts), len(formula.unresolved), len(formula.order), len(formula.levels)))
        for clause in formula.unresolved:
            literals.extend(clause)
        order.extend(formula.order)
        values.extend(map(formula.values.__getitem__, formula.order))
        levels.extend(map(len, formula.levels))
        conflicts.extend(formula.conflicts.values())
    flat = [Array.of(item) for item in (literals, order, values, levels, conflicts)]
    return [Array.of(sizes, (len(formulas), 4)), *flat]


def decisions_of(answer: Sequence[Array], formulas: Sequence[Formula]) -> list[Decision]:
    """One decision for each formula, about a variable of it that has no value yet."""
    count = len(formulas)
    if [(item.dtype, item.shape) for item in answer] != [("int64", (count,)), ("uint8", (count,))]:
        raise Fault("malformed", f"the answer is not {count} variables and as many values")
    decided = list(zip(answer[0].values().tolist(), answer[1].values().tolist()))
    for (variable, _), formula in zip(decided, formulas):
        if variable not in formula.conflicts:
            allowed = f"1 to {len(formula.conflicts)} are there"
            raise Fault("bad_answer", f"heuristic_fn returned variable {variable}, which the instance lacks; {allowed}")
        if variable in formula.values:
            raise Fault("bad_answer", f"heuristic_fn returned variable {variable}, which has a value already")
    return [(variable, bool(value)) for variable, value in decided]


def load_instances(path: Path, phase: str) -> list[Instance]:
    """The instances that the phase counts."""
    with path.open(encoding="ascii") as file:
        described: list[dict[str, Any]] = [json.loads(line) for line in file]
    return [
        Instance(one["variables"], tuple(map(tuple, one["clauses"])), one["satisfiable"])
        for one in described
        if phase in ("upstream", one["part"])
    ]


def alternate(case: Case, instances: Sequence[Instance]) -> tuple[list[Pass], list[Pass]]:
    """Passes of the baseline and of the submission, in turn; each in a new process, which remembers no other."""
    baseline: list[Pass] = []
    candidate: list[Pass] = []
    began = perf_counter()
    while len(candidate) < LEAST_PASSES or (len(candidate) < MOST_PASSES and perf_counter() - began < ENOUGH):
        theirs, own = case.contestant(2 * len(candidate)), case.contestant(2 * len(candidate) + 1)
        baseline.append(run_pass(theirs, {"text": BASELINE}, instances))
        candidate.append(run_pass(own, {"file": "heuristic.py"}, instances))
    return baseline, candidate


def grade(case: Case) -> dict[str, Measure]:
    """Time, as a share of the baseline's, in the original's seconds; and decisions per instance."""
    if [path.name for path in case.submission.iterdir()] != ["heuristic.py"]:
        # Nothing else may lie where the baseline's pass could come upon it.
        raise Fault("wrong_files", "the submission is expected to be the file heuristic.py and nothing else")
    gc.disable()  # it would come upon one pass and not upon another, and there are no cycles to speak of
    instances = load_instances(case.hidden / "instances.jsonl", case.phase)
    baseline, candidate = alternate(case, instances)
    best = min(one.seconds for one in candidate) / min(one.seconds for one in baseline)
    return {
        "time": Measure(BASELINE_SECONDS * best, BASELINE_SECONDS * _spread(baseline, candidate)),
        "decisions": mean(candidate[0].decisions),
    }


def _spread(baseline: Sequence[Pass], candidate: Sequence[Pass]) -> float:
    """The standard error of the ratio of neighbouring passes."""
    ratios = [own.seconds / theirs.seconds for own, theirs in zip(candidate, baseline)]
    return mean(ratios).standard_error or 0.0
