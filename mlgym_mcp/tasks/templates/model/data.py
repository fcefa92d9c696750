"""Makes labelled points, some of them labelled wrongly, and keeps those of the test back."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

TRAIN = 1000
TEST = 2000
WRONG = 0.1


def prepare(flavour: str, sources: Path, out: Path, seed: int) -> None:
    """Write the training points for everybody, the test points for the judge."""
    draws = random.Random(seed)
    _write(out / "public/train.csv", [_point(draws) for _ in range(TRAIN)])
    _write(out / "hidden/test.csv", [_point(draws) for _ in range(TEST)])


def _point(draws: random.Random) -> tuple[int, int, int]:
    a, b = draws.randrange(100), draws.randrange(100)
    return a, b, int((a + b > 99) != (draws.random() < WRONG))


def _write(path: Path, rows: Sequence[Sequence[int]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "label"), *rows])
