"""Accuracy on the test images that the phase counts."""

from __future__ import annotations

import csv
from pathlib import Path

from judging import Case, Fault, Measure, proportion, read_column

CLASSES = 10


def grade(case: Case) -> dict[str, Measure]:
    """Share of images whose label is right: 30 % of them in `validate`, the others in `submit`."""
    with (case.hidden / "answers.csv").open(encoding="ascii", newline="") as file:
        answers = list(csv.DictReader(file))
    labels = read_labels(case.submission / "submission.csv", rows=len(answers))
    counted = [row for row, answer in enumerate(answers) if case.phase in ("upstream", answer["part"])]
    hits = sum(labels[row] == int(answers[row]["label"]) for row in counted)
    return {"accuracy": proportion(hits, len(counted))}


def read_labels(path: Path, *, rows: int) -> list[int]:
    """The submission's labels; all rows are checked, whatever the phase counts."""
    labels = []
    for row, text in enumerate(read_column(path, "label", rows=rows), start=1):
        # Nothing but ASCII digits: int() would take "1_0" and other scripts' digits.
        if not (text.isascii() and text.isdigit()):
            raise Fault("bad_value", f"{path.name}, row {row}: {text[:40]!r} is not a whole number")
        if len(text) > 9 or int(text) >= CLASSES:
            raise Fault("bad_value", f"{path.name}, row {row}: label {text[:40]} is not one of 0 to {CLASSES - 1}")
        labels.append(int(text))
    return labels
