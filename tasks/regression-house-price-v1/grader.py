"""Coefficient of determination and root mean squared error of the prices that the phase counts."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

from judging import Case, Fault, Measure, bootstrap, finite_number, read_matched

MOST = 1e9
"""Dollars. No house costs more, and the square of a larger number may be none."""


def grade(case: Case) -> dict[str, Measure]:
    """30 % of the test sales count in `validate`, the others in `submit`."""
    with (case.hidden / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    given = read_matched(
        case.submission / "submission.csv", "Id", "SalePrice", expected=[answer["Id"] for answer in answers]
    )
    predicted = {key: _price(text, f"submission.csv, Id {key}") for key, text in given.items()}
    counted = [
        (float(answer["SalePrice"]), predicted[answer["Id"]])
        for answer in answers
        if case.phase in ("upstream", answer["part"])
    ]
    return {"r2": bootstrap(r2, counted, seed=case.seed), "rmse": bootstrap(rmse, counted, seed=case.seed)}


def r2(pairs: Sequence[tuple[float, float]]) -> float:
    """1 less the squared errors' share in the squared distances from the mean; not a number where all are equal."""
    mean = math.fsum(price for price, _ in pairs) / len(pairs)
    spread = math.fsum((price - mean) ** 2 for price, _ in pairs)
    return 1 - math.fsum((price - guess) ** 2 for price, guess in pairs) / spread if spread else math.nan


def rmse(pairs: Sequence[tuple[float, float]]) -> float:
    """In dollars."""
    return math.sqrt(math.fsum((price - guess) ** 2 for price, guess in pairs) / len(pairs))


def _price(text: str, where: str) -> float:
    price = finite_number(text, where=where)
    if abs(price) > MOST:
        raise Fault("bad_value", f"{where}: {text[:40]} is more than a thousand million dollars")
    return price
