"""Writes a submission that is well-formed and knows nothing."""

import csv
from pathlib import Path

with Path("/data/train.csv").open() as file:
    known = [float(row["y"]) for row in csv.DictReader(file)]
with Path("/data/inputs.csv").open() as file:
    inputs = [float(row["x"]) for row in csv.DictReader(file)]
guess = known[0]
with Path("submission.csv").open("w", newline="") as file:
    csv.writer(file).writerows([("y",), *((guess,) for _ in inputs)])
