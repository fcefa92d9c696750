"""A table of scores from a CSV file that anybody can write."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from mlgym_clients.metrics.table import BASELINE, Group, Problem, Result, ScoreTable
from mlgym_clients.records.task import Goal, TaskFacts

NEEDED = ("method", "task", "score")
KNOWN = (*NEEDED, "submission", "goal", "baseline", "target")
GIVEN = Group("as given", "as given")
"""A file does not say how its scores were measured: whoever made it answers for their being alike."""
NOTHING = ("", "-", "–", "nan", "none", "null")


class BadTable(Exception):
    """Raised where a file is no table of scores; says in which line, and what was expected."""


def read_table(path: Path, catalogue: Mapping[str, TaskFacts]) -> ScoreTable:
    """The table of a CSV file: a line for each attempt, or for each method and task.

    Columns: `method`, `task`, `score` (an attempt's best; empty: nothing was scored); where wanted `submission` (what
    the attempt submitted; the score where there is no such column), and `goal` (maximize or minimize), `baseline`,
    `target`, which otherwise come from the catalogue. Lines of the method `baseline` are the baseline, too.

    Raises:
        BadTable: it can't be read so.
    """
    problems: dict[str, Problem] = {}
    results: dict[str, dict[str, tuple[Result, ...]]] = {}
    for place, row in _rows(path):
        task, method = row["task"], row["method"]
        problem = _problem(row, catalogue, place)
        known = problems.setdefault(task, problem)
        if known != problem:
            raise BadTable(f"{place}: goal, baseline or target of {task} differ from an earlier line.")
        score = _number(row, "score", place)
        submission = _number(row, "submission", place) if "submission" in row else score
        of_method = results.setdefault(method, {})
        of_method[task] = (*of_method.get(task, ()), Result(score, submission))
    for task, problem in problems.items():
        stated = results.get(BASELINE, {}).get(task)
        if stated and problem.baseline is None:
            problems[task] = problem._replace(baseline=stated[0].attempt)
    return ScoreTable(GIVEN, tuple(problems.values()), results)


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            if missing := [name for name in NEEDED if name not in columns]:
                raise BadTable(f"{path} has no column {missing[0]!r}; it needs: {', '.join(NEEDED)}.")
            if unknown := [name for name in columns if name not in KNOWN]:
                raise BadTable(f"{path} has a column {unknown[0]!r}; there are: {', '.join(KNOWN)}.")
            rows = [(f"{path}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadTable(f"{path} can't be read as CSV: {error}") from None
    if not rows:
        raise BadTable(f"{path} has no line below its heading.")
    for place, row in rows:
        if None in row or None in row.values():
            raise BadTable(f"{place}: it has not as many fields as the heading.")
    return [(place, {name: value.strip() for name, value in row.items()}) for place, row in rows]


def _problem(row: Mapping[str, str], catalogue: Mapping[str, TaskFacts], place: str) -> Problem:
    if not row["task"] or not row["method"]:
        raise BadTable(f"{place}: method and task need a name.")
    facts = catalogue.get(row["task"])
    goal = row.get("goal") or (facts.goal if facts else "")
    if goal not in get_args(Goal):
        told = f"its goal is {goal!r}" if goal else "the catalogue has no such task"
        raise BadTable(f"{place}, {row['task']}: {told}; add a column `goal` that says maximize or minimize.")
    baseline, target = _number(row, "baseline", place), _number(row, "target", place)
    if facts is not None and "baseline" not in row:
        # Scores that come from elsewhere are on the official data, all of it, as the original's were.
        baseline = facts.baselines.get("full/mlgym", facts.baselines.get("full/strict"))
    if facts is not None and "target" not in row:
        target = facts.target
    return Problem(row["task"], goal, baseline, target)  # type: ignore[arg-type]  # looked at above


def _number(row: Mapping[str, str], column: str, place: str) -> float | None:
    text = row.get(column, "")
    if text.lower() in NOTHING:
        return None
    try:
        value = float(text)
    except ValueError:
        raise BadTable(f"{place}: {column} is {text!r}, and no number.") from None
    if not math.isfinite(value):
        raise BadTable(f"{place}: {column} is {text!r}; leave it empty where there is no score.")
    return value
