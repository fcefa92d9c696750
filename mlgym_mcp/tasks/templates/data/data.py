"""Makes noisy points of a line, and keeps the answers of the test rows back."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

ROWS = 1000


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write the training rows and the test inputs for everybody, the test answers for the judge."""
    draws = random.Random(seed)
    train, test = ([_point(draws) for _ in range(ROWS)] for _ in range(2))
    _write(out / "public/train.csv", ("x", "y"), train)
    _write(out / "public/inputs.csv", ("x",), [(x,) for x, _ in test])
    _write(out / "hidden/answers.csv", ("y",), [(y,) for _, y in test])


def _point(draws: random.Random) -> tuple[float, float]:
    x = draws.uniform(0, 10)
    return x, 2 * x + 1 + draws.gauss(0, 1)


def _write(path: Path, names: Sequence[str], rows: Sequence[Sequence[float]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
