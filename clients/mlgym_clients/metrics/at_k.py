"""Figures of k attempts, from n ≥ k that were made."""

import math
from collections.abc import Sequence

from mlgym_clients.metrics.table import BASELINE, Problem, ScoreTable, Which, best, better
from mlgym_clients.records.task import Goal


def best_at_k(goal: Goal, values: Sequence[float | None], k: int) -> float | None:
    """The best of k attempts: of n = k the best one; of more, what k drawn from them without replacement have in mean.

    An attempt without a score (None) counts as one that was made. Where more than k are made, a draw may have no score
    at all; the mean is over the draws that have one.

    Returns:
        None where nothing was scored, or fewer than k attempts were made.
    """
    made, scored = len(values), sorted(value for value in values if value is not None)
    if k < 1 or made < k or not scored:
        return None
    ordered = scored if goal == "minimize" else scored[::-1]
    # The i-th best is the best of a draw if the draw has it and takes the other k - 1 from those behind it.
    weights = [math.comb(made - 1 - place, k - 1) for place in range(len(ordered))]
    return sum(weight * value for weight, value in zip(weights, ordered, strict=True)) / sum(weights)


def pass_at_k(passes: int, made: int, k: int) -> float | None:
    """How likely at least one of k attempts passes, estimated without bias from `passes` of `made` (Chen et al., 2021).

    Returns:
        None where fewer than k attempts were made.
    """
    if k < 1 or made < k:
        return None
    return 1 - math.comb(made - passes, k) / math.comb(made, k)


def passes(problem: Problem, values: Sequence[float | None]) -> int | None:
    """How many attempts beat the baseline; None where there is no baseline."""
    baseline = problem.baseline
    if baseline is None:
        return None
    return sum(value is not None and better(problem.goal, value, baseline) for value in values)


def mean_and_error(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The mean, and its standard error: the sample's standard deviation / √n; None where n is too small for it."""
    if not values:
        return None, None
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def best_scores(table: ScoreTable, which: Which) -> dict[str, dict[str, float]]:
    """Method → task → best of all attempts; the tasks' baselines are a method, too."""
    found: dict[str, dict[str, float]] = {}
    for method in table.methods:
        found[method] = {}
        for problem in table.problems:
            score = best(problem.goal, table.values(method, problem.task, which))
            if score is not None:
                found[method][problem.task] = score
    stated = {problem.task: problem.baseline for problem in table.problems if problem.baseline is not None}
    found[BASELINE] = {**stated, **found.get(BASELINE, {})}
    return found
