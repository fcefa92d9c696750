"""The published definition of performance profiles, computed a second time: slowly, by words, with exact fractions.

Nothing of `mlgym_clients.metrics` is used. Ratios are fractions, and a profile's area is counted point by point.
"""

import math
from fractions import Fraction

Table = dict[str, dict[str, str | None]]
"""Task → method → score, as printed; the methods include `baseline`."""
POINTS = 500


def ratio_table(table: Table, minimised: set[str]) -> tuple[dict[str, dict[str, Fraction]], list[Fraction]]:
    """Task → method → ratio, and each task's largest feasible ratio."""
    found, worst = {}, []
    for task, row in table.items():
        scores = {method: Fraction(text) for method, text in row.items() if text is not None}
        baseline = scores["baseline"]
        feasible = {}
        for method, score in scores.items():
            as_good = score <= baseline if task in minimised else score >= baseline
            if score >= 0 and as_good:
                feasible[method] = score
        best = min(feasible.values()) if task in minimised else max(feasible.values())
        held = {method: score / best if task in minimised else best / score for method, score in feasible.items()}
        worst.append(max(held.values()))
        found[task] = {method: held.get(method, Fraction(105, 100) * worst[-1]) for method in row}
    return found, worst


def end_of_grid(worst: list[Fraction]) -> float:
    """The first tenth that is not below the decimal logarithm of the largest rounded-up ratio."""
    largest = max(math.ceil(Fraction(105, 100) * ratio) for ratio in worst)
    tenths = 0
    while 10 ** (tenths / 10) < largest - 1e-9:
        tenths += 1
    return tenths / 10


def area(ratios: dict[str, dict[str, Fraction]], method: str, end: float) -> float:
    """Count, at every point but the last, the tasks that are within it."""
    total = 0
    for place in range(POINTS - 1):
        reach = 10 ** (end * place / (POINTS - 1))
        total += sum(float(row[method]) <= reach * (1 + 1e-12) for row in ratios.values())
    return total * end / (POINTS - 1) / len(ratios)


def exact_area(ratios: dict[str, dict[str, Fraction]], method: str, end: float) -> float:
    """The area without a grid: each task is counted from its logarithm to the end."""
    return sum(end - min(end, math.log10(row[method])) for row in ratios.values()) / len(ratios)
