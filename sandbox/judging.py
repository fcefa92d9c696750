"""What a task's grader.py is written against: `def grade(case: Case) -> dict[str, Measure]`.

A grader returns one `Measure` for each metric of its task.yaml, or raises a `Fault` when the submission is to
blame; any other exception counts as a bug of the grader and never as the submission's score.
"""

from __future__ import annotations

import csv
import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Protocol, TypeVar

from wire import Array, Header

MAX_MESSAGE = 500
RESAMPLES = 500
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Row = TypeVar("Row")


class Fault(Exception):
    """Raised when the submission is to blame. `code` is one word for programs, `message` says what to mend."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:MAX_MESSAGE]


@dataclass(frozen=True)
class Measure:
    """One metric's value and its standard error, None where it has none."""

    value: float
    standard_error: float | None = None


class Contestant(Protocol):
    """A submission that is code, in a sandbox of its own."""

    def ask(self, header: Header, arrays: Sequence[Array] = (), *, limit: float = 60.0) -> tuple[Header, list[Array]]:
        """Ask for one answer within `limit` seconds; the answer is well-formed and otherwise unchecked.

        Raises:
            Fault: it raised, ended, was late, or answered something that is not a message.
        """


@dataclass(frozen=True)
class Case:
    """One grading."""

    submission: Path
    """Folder with the submission's files. Data: never import or unpickle anything from it."""
    hidden: Path
    """Folder that data.py wrote as hidden/."""
    phase: str
    """`validate`, `submit`, or `upstream`: all of the original's examples, for comparison with published scores."""
    flavour: str
    """`full` or `sample`."""
    seed: int
    """Seeds whatever the grader draws; another one in every phase."""
    contestant: Callable[[int], Contestant]
    """The i-th contestant; only for tasks whose submission is code."""


def proportion(hits: int, total: int) -> Measure:
    """A share of independent trials, with the binomial standard error."""
    share = hits / total
    return Measure(share, math.sqrt(share * (1 - share) / total))


def mean(values: Sequence[float]) -> Measure:
    """A mean of independent values, with its standard error; None for a single value."""
    count = len(values)
    average = math.fsum(values) / count
    if count == 1:
        return Measure(average)
    variance = math.fsum((value - average) ** 2 for value in values) / (count - 1)
    return Measure(average, math.sqrt(variance / count))


def bootstrap(statistic: Callable[[Sequence[Row]], float], rows: Sequence[Row], *, seed: int) -> Measure:
    """A statistic of independent rows, with the standard error that drawing the rows anew gives.

    Draws on which the statistic is not a number are left out; with fewer than two others the error is None.
    """
    chance = random.Random(seed)
    draws = (statistic(chance.choices(rows, k=len(rows))) for _ in range(RESAMPLES))
    values = [value for value in draws if math.isfinite(value)]
    if len(values) < 2:
        return Measure(statistic(rows))
    average = math.fsum(values) / len(values)
    variance = math.fsum((value - average) ** 2 for value in values) / (len(values) - 1)
    return Measure(statistic(rows), math.sqrt(variance))


def finite_number(text: str, *, where: str) -> float:
    """A number in decimal digits, perhaps with a point and an exponent.

    Raises:
        Fault: it is something else; `where` begins the message.
    """
    # float() alone would take "nan", "1_0" and other scripts' digits.
    if len(text) > 400 or not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise Fault("bad_value", f"{where}: {text[:40]!r} is not a finite number")
    return float(text)


def read_matched(path: Path, key: str, column: str, *, expected: Sequence[str]) -> dict[str, str]:
    """One column of a CSV file by another one, whose values are the expected ones in any order, each once.

    Raises:
        Fault: as `read_column`, or a key is unknown or stands twice.
    """
    keys = read_column(path, key, rows=len(expected))
    known, found = set(expected), {}
    for row, (name, value) in enumerate(zip(keys, read_column(path, column, rows=len(expected))), start=1):
        if name not in known:
            raise Fault("unknown_key", f"{path.name}, row {row}: {key} {name[:40]!r} is not one of the expected ones")
        if name in found:
            raise Fault("duplicate_key", f"{path.name}, row {row}: {key} {name[:40]!r} stands there twice")
        found[name] = value
    return found


def read_column(path: Path, column: str, *, rows: int) -> list[str]:
    """One column of a CSV file that has a header line and exactly `rows` rows after it, stripped of blanks.

    Raises:
        Fault: the file is absent, is not CSV in UTF-8, lacks the column, or has another number of rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file, strict=True)
            names = [name.strip() for name in next(table, [])]
            if column not in names:
                found = ", ".join(repr(name[:40]) for name in names[:10]) or "nothing"
                raise Fault("missing_column", f"{path.name} has no column {column!r}; its header line has {found}")
            values = _column_values(table, names.index(column), rows, path.name)
    except FileNotFoundError:
        raise Fault("missing_file", f"the submission has no file {path.name}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Fault("unreadable", f"{path.name} can't be read as CSV in UTF-8: {error}") from None
    if len(values) != rows:
        raise Fault("wrong_rows", f"{path.name} has {len(values)} rows after its header line; {rows} are expected")
    return values


def label_accuracy(case: Case, *, classes: int) -> Measure:
    """The share of right rows in the column `label` of submission.csv, held against hidden/answers.csv.

    That one has columns `label` and `part`, of which the case's phase counts its own; `classes` labels from 0 on.

    Raises:
        Fault: submission.csv is not as for `read_column`, or a row is no label, whether it counts or not.
    """
    with (case.hidden / "answers.csv").open(encoding="ascii", newline="") as file:
        answers = list(csv.DictReader(file))
    labels = _read_labels(case.submission / "submission.csv", rows=len(answers), classes=classes)
    counted = [row for row, answer in enumerate(answers) if case.phase in ("upstream", answer["part"])]
    hits = sum(labels[row] == int(answers[row]["label"]) for row in counted)
    return proportion(hits, len(counted))


def _read_labels(path: Path, *, rows: int, classes: int) -> list[int]:
    labels = []
    for row, text in enumerate(read_column(path, "label", rows=rows), start=1):
        # Nothing but ASCII digits: int() would take "1_0" and other scripts' digits.
        if not (text.isascii() and text.isdigit()):
            raise Fault("bad_value", f"{path.name}, row {row}: {text[:40]!r} is not a whole number")
        if len(text) > 9 or int(text) >= classes:
            raise Fault("bad_value", f"{path.name}, row {row}: label {text[:40]} is not one of 0 to {classes - 1}")
        labels.append(int(text))
    return labels


def _column_values(table: Iterable[list[str]], index: int, rows: int, name: str) -> list[str]:
    values: list[str] = []
    for row in table:
        if not row:
            continue  # a blank line, as some writers leave at the end
        if len(values) == rows:
            raise Fault("wrong_rows", f"{name} has more than the {rows} rows expected after its header line")
        if len(row) <= index:
            raise Fault("bad_row", f"{name}, row {len(values) + 1}: it has only {len(row)} columns")
        values.append(row[index].strip())
    return values


def choices(answer: Sequence[Array], *, count: int, allowed: range, what: str) -> list[int]:
    """The `count` whole numbers of a contestant's answer, each one of `allowed`; `what` names them in a fault.

    Raises:
        Fault: it is not one int64 array of that length, or a number is not allowed.
    """
    if len(answer) != 1 or answer[0].dtype != "int64" or answer[0].shape != (count,):
        raise Fault("malformed", f"{what}: the answer is not one int64 array of {count} numbers")
    numbers: list[int] = answer[0].values().tolist()
    for index, number in enumerate(numbers):
        if number not in allowed:
            raise Fault("bad_answer", f"{what} {index + 1} is {number}; {allowed[0]} to {allowed[-1]} are allowed")
    return numbers
