"""Bootstrap intervals: how much a figure would move with other attempts of the same agents."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from mlgym_clients.metrics.table import ScoreTable

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """Between two percentiles of the figure over all resamples."""

    low: float
    high: float


def intervals(
    table: ScoreTable,
    figure: Callable[[ScoreTable], Mapping[str, float]],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals of a figure of each method.

    The attempts of each method at each task are drawn anew with replacement, as many as were made, the tasks being
    taken as they are. A best of k is never above that of the attempts made, so its interval leans below it; one
    attempt alone never varies.

    Args:
        table: The results.
        figure: Table → method → the figure; a method that lacks it in a resample is passed over there.
        resamples: How many are drawn.
        level: The share of resamples between the two ends.
        seed: Of the draws; the same seed, the same intervals.
    """
    chance = random.Random(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        for method, value in figure(_resampled(table, chance)).items():
            drawn.setdefault(method, []).append(value)
    return {method: _between(sorted(values), level) for method, values in drawn.items()}


def _resampled(table: ScoreTable, chance: random.Random) -> ScoreTable:
    return replace(
        table,
        results={
            method: {task: tuple(chance.choices(made, k=len(made))) for task, made in tasks.items() if made}
            for method, tasks in table.results.items()
        },
    )


def _between(values: list[float], level: float) -> Interval:
    return Interval(_percentile(values, (1 - level) / 2), _percentile(values, (1 + level) / 2))


def _percentile(values: list[float], share: float) -> float:
    """The value at a share of the way through sorted values, between neighbours in proportion."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])
