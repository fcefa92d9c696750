"""Accuracy on the test images that the phase counts."""

from __future__ import annotations

import csv

from judging import Case, Measure, proportion, read_labels

CLASSES = 10


def grade(case: Case) -> dict[str, Measure]:
    """Share of images whose label is right: 30 % of them in `validate`, the others in `submit`."""
    with (case.hidden / "answers.csv").open(encoding="ascii", newline="") as file:
        answers = list(csv.DictReader(file))
    # All rows are read, whatever the phase counts: a file is valid or it is not.
    labels = read_labels(case.submission / "submission.csv", "label", rows=len(answers), classes=CLASSES)
    counted = [row for row, answer in enumerate(answers) if case.phase in ("upstream", answer["part"])]
    hits = sum(labels[row] == int(answers[row]["label"]) for row in counted)
    return {"accuracy": proportion(hits, len(counted))}
