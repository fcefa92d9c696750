"""Compares predicted numbers with the true ones."""

from __future__ import annotations

import csv
import math

from judging import Case, Fault, Measure, mean, read_column

ROWS = 1000
PARTS = {"validate": slice(0, 300), "submit": slice(300, ROWS), "upstream": slice(0, ROWS)}
"""Which rows each phase looks at."""


def grade(case: Case) -> dict[str, Measure]:
    """The mean absolute error over the rows of this phase."""
    with (case.hidden / "answers.csv").open(newline="") as file:
        truth = [float(row["y"]) for row in csv.DictReader(file)]
    given = read_column(case.submission / "submission.csv", "y", rows=ROWS)
    predicted = [_number(text, row) for row, text in enumerate(given, start=1)]
    errors = [abs(guess - answer) for guess, answer in zip(predicted, truth)]
    return {"mean_absolute_error": mean(errors[PARTS[case.phase]])}


def _number(text: str, row: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < 1e9:
        raise Fault("bad_value", f"submission.csv, row {row}: {text[:40]!r} is not a number below a billion")
    return number
