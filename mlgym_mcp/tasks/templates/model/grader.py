"""Has the model predict the points of the phase, in a contestant, and counts what is right."""

from __future__ import annotations

import csv
from array import array

from judging import Case, Fault, Measure, choices, proportion
from wire import Array

TEST = 2000
PARTS = {"validate": slice(0, 600), "submit": slice(600, TEST), "upstream": slice(0, TEST)}
"""Which points each phase looks at."""


def grade(case: Case) -> dict[str, Measure]:
    """The accuracy on the points of this phase; the model sees no label."""
    for name in ("model.py", "weights.json"):
        if not (case.submission / name).is_file():
            raise Fault("missing_file", f"the submission has no file {name}")
    with (case.hidden / "test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[PARTS[case.phase]]
    labels = [int(row["label"]) for row in rows]
    points = array("q", [number for row in rows for number in (int(row["a"]), int(row["b"]))])
    question = {"op": "map", "file": "model.py", "function": "predict"}
    _, answer = case.contestant(0).ask(question, [Array.of(points, (len(labels), 2))])
    predicted = choices(answer, count=len(labels), allowed=range(2), what="prediction")
    return {"accuracy": proportion(sum(map(int.__eq__, predicted, labels)), len(labels))}
