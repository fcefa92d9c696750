"""Performance profiles, and the area under them (AUP): as MLGym's code computes them, and one of our own.

MLGym's: a method's ratio at a task is how much worse it is than the best method there, 1 at best. Its profile at τ is
the share of tasks whose ratio has a decimal logarithm of at most τ; the AUP is the area under it from 0 to τ_max. Value
and order depend on which methods are in the table. A score counts as feasible only if it is not negative and not worse
than the baseline; what is not feasible gets (1 + ε) times the worst feasible ratio of its task.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlgym_clients.metrics.table import Problem

EPSILON = 0.05
POINTS = 500
"""Of the grid from 0 to τ_max, both ends included."""

Scores = Mapping[str, Mapping[str, float]]
"""Method → task → score; a method without a score at a task lacks it."""


@dataclass(frozen=True)
class Ratios:
    """How much worse each method is than the best one, task by task."""

    table: Mapping[str, Mapping[str, float]]
    """Method → task → ratio, 1 at best."""
    worst: Mapping[str, float]
    """Task → the worst feasible ratio; 1 where no score is feasible."""


@dataclass(frozen=True)
class Profiles:
    """The profiles of some methods on one grid."""

    taus: tuple[float, ...]
    shares: Mapping[str, tuple[float, ...]]
    """Method → share of tasks at each τ."""
    areas: Mapping[str, float]
    """Method → AUP: the left Riemann sum over the grid; at most τ_max."""
    epsilon: float = EPSILON

    @property
    def tau_max(self) -> float:
        """The end of the grid."""
        return self.taus[-1]


def ratios(scores: Scores, problems: Sequence[Problem], epsilon: float = EPSILON) -> Ratios:
    """Ratios to the best feasible score of each task.

    A zero where others score more would have an endless ratio, and counts as not feasible.
    """
    table: dict[str, dict[str, float]] = {method: {} for method in scores}
    worst = {}
    for problem in problems:
        at_task = {method: values[problem.task] for method, values in scores.items() if problem.task in values}
        feasible = _feasible_ratios(at_task, problem)
        worst[problem.task] = max(feasible.values(), default=1.0)
        for method in scores:
            table[method][problem.task] = feasible.get(method, (1 + epsilon) * worst[problem.task])
    return Ratios(table, worst)


def tau_max(*tables: Ratios, epsilon: float = EPSILON) -> float:
    """The end of the grid that tables share: log10 of the largest ⌈(1 + ε) · worst ratio⌉, rounded up to one decimal.

    What is not feasible, being (1 + ε) times the worst ratio of its task, is on the grid.
    """
    worst = max((ratio for table in tables for ratio in table.worst.values()), default=1.0)
    # Rounded first: a hair above a round number is one of binary fractions, not of the scores.
    return math.ceil(round(10 * math.log10(math.ceil(round((1 + epsilon) * worst, 9))), 9)) / 10


def profiles(table: Ratios, end: float, epsilon: float = EPSILON) -> Profiles:
    """The profiles of all methods of a table of ratios, on a grid from 0 to `end`."""
    taus = _grid(end)
    shares = {}
    for method, logarithms in _logarithms(table).items():
        shares[method] = tuple(bisect.bisect_right(logarithms, tau) / max(len(logarithms), 1) for tau in taus)
    return Profiles(taus, shares, areas(table, end), epsilon)


def areas(table: Ratios, end: float) -> dict[str, float]:
    """The areas under the profiles, without the profiles: a task adds a step for each point that it is counted at."""
    taus = _grid(end)[:-1]
    found = {}
    for method, logarithms in _logarithms(table).items():
        counted = sum(len(taus) - bisect.bisect_left(taus, logarithm) for logarithm in logarithms)
        found[method] = taus[1] * counted / max(len(logarithms), 1)
    return found


def rewards(scores: Scores, problems: Sequence[Problem]) -> dict[str, dict[str, float]]:
    """(score − baseline) / (target − baseline), method by method, at the tasks that have a baseline and a target.

    Not clipped; a method without a score has none.
    """
    found: dict[str, dict[str, float]] = {method: {} for method in scores}
    for problem in _anchored(problems):
        assert problem.baseline is not None and problem.target is not None
        for method, values in scores.items():
            if problem.task in values:
                span = problem.target - problem.baseline
                found[method][problem.task] = (values[problem.task] - problem.baseline) / span
    return found


def fixed_profiles(scores: Scores, problems: Sequence[Problem]) -> Profiles | None:
    """Profiles that don't depend on which methods are in the table.

    In place of the best method stands the task's target, in place of the ratio what is left of the way from the
    baseline to it: 1 − reward. The profile at τ, from 0 to 1, is the share of tasks of whose way at most τ is left;
    the area under it is exactly the mean of the rewards clipped to [0, 1], no score being 0. Scores that are negative
    or near zero need no exception, since nothing is divided by them.

    Returns:
        None where no task has both a baseline and a target that differs from it.
    """
    anchored = _anchored(problems)
    if not anchored:
        return None
    taus, clipped = _grid(1.0), _clipped(scores, anchored)
    # The hair is for rewards of exactly 1 - τ, which binary fractions may put beside their point.
    shares = {
        method: tuple(sum(0 < value >= 1 - tau - 1e-12 for value in values) / len(values) for tau in taus)
        for method, values in clipped.items()
    }
    return Profiles(taus, shares, fixed_areas(scores, problems), epsilon=0.0)


def fixed_areas(scores: Scores, problems: Sequence[Problem]) -> dict[str, float]:
    """The areas under those profiles: mean rewards, clipped to [0, 1]; empty where no task has what they need."""
    anchored = _anchored(problems)
    return {
        method: math.fsum(values) / len(values) for method, values in _clipped(scores, anchored).items() if anchored
    }


def _clipped(scores: Scores, anchored: Sequence[Problem]) -> dict[str, list[float]]:
    earned = rewards(scores, anchored)
    return {
        method: [min(max(of_method.get(problem.task, 0.0), 0.0), 1.0) for problem in anchored]
        for method, of_method in earned.items()
    }


def _feasible_ratios(at_task: Mapping[str, float], problem: Problem) -> dict[str, float]:
    feasible = {method: score for method, score in at_task.items() if _is_feasible(score, problem)}
    if not feasible:
        return {}
    if problem.goal == "minimize":
        least = min(feasible.values())
        return {method: score / least if least else 1.0 for method, score in feasible.items() if least or not score}
    most = max(feasible.values())
    return {method: most / score if score else 1.0 for method, score in feasible.items() if score or not most}


def _is_feasible(score: float, problem: Problem) -> bool:
    if not math.isfinite(score) or score < 0:
        return False
    if problem.baseline is None:
        return True
    return score >= problem.baseline if problem.goal == "maximize" else score <= problem.baseline


def _grid(end: float) -> tuple[float, ...]:
    return tuple(end / (POINTS - 1) * place for place in range(POINTS))


def _logarithms(table: Ratios) -> dict[str, list[float]]:
    """Method → decimal logarithms of its ratios, the least first."""
    return {method: sorted(map(math.log10, of_method.values())) for method, of_method in table.table.items()}


def _anchored(problems: Sequence[Problem]) -> list[Problem]:
    return [one for one in problems if None not in (one.baseline, one.target) and one.baseline != one.target]
