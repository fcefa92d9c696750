"""All figures of a table of scores at once: what reports show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mlgym_clients.metrics import at_k, bootstrap
from mlgym_clients.metrics.bootstrap import Interval
from mlgym_clients.metrics.profiles import (
    Profiles,
    areas,
    fixed_areas,
    fixed_profiles,
    profiles,
    ratios,
    rewards,
    tau_max,
)
from mlgym_clients.metrics.ranks import Ranking, ranking
from mlgym_clients.metrics.table import BASELINE, Problem, ScoreTable, Which, better, is_published

BOTH: tuple[Which, Which] = ("attempt", "submission")


class CellFigures(NamedTuple):
    """A method at a task. None: not enough attempts, or nothing scored."""

    made: int
    scored: int
    """Attempts whose best artefact was scored."""
    best_attempt: float | None
    """Best attempt@k."""
    best_submission: float | None
    """Best submission@k."""
    pass_at_k: float | None
    """Whether one of k submissions beats the baseline."""
    mean: float | None
    """Of what was submitted; published models tell only their best."""
    error: float | None
    """The standard error of that mean."""


class MethodFigures(NamedTuple):
    """A method over all tasks, by its best attempts or its best submissions."""

    aup: float
    aup_interval: Interval | None
    fixed_aup: float | None
    """The area that doesn't depend on the other methods: the mean reward, clipped to [0, 1]."""
    fixed_interval: Interval | None
    mean_reward: float | None
    """Of the tasks with a score, not clipped."""
    average_rank: float
    borda: float


@dataclass(frozen=True)
class Summary:
    """All figures of a table. The baseline is a method, by the scores that tasks state where it was not run."""

    table: ScoreTable
    k: int
    cells: Mapping[str, Mapping[str, CellFigures]]
    """Method → task → figures; without the stated baseline."""
    profiles: Mapping[Which, Profiles]
    """MLGym's, on one grid for both."""
    fixed: Mapping[Which, Profiles | None]
    rankings: Mapping[Which, Ranking]
    methods: Mapping[Which, Mapping[str, MethodFigures]]
    """By best attempt and by best submission → method → figures."""

    @property
    def order(self) -> list[str]:
        """The methods, best first by the area of their best attempts."""
        found = self.methods["attempt"]
        return sorted(found, key=lambda method: (-found[method].aup, method))

    def leads(self, problem: Problem, value: float | None, which: Which) -> bool:
        """Whether nobody has a better figure than this at a task."""
        others = [getattr(of[problem.task], f"best_{which}") for of in self.cells.values()]
        return value is not None and not any(one is not None and better(problem.goal, one, value) for one in others)


def summarise(table: ScoreTable, k: int, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0) -> Summary:
    """All figures of a table.

    Args:
        table: The scores.
        k: Of best attempt@k, best submission@k and pass@k.
        resamples: Of the bootstrap; 0: no intervals.
        seed: Of the bootstrap.
    """
    best = {which: at_k.best_scores(table, which) for which in BOTH}
    found = {which: ratios(best[which], table.problems) for which in BOTH}
    end = tau_max(*found.values())
    drawn = {which: profiles(found[which], end) for which in BOTH}
    fixed = {which: fixed_profiles(best[which], table.problems) for which in BOTH}
    rankings = {which: ranking(best[which], table.problems) for which in BOTH}
    intervals = {which: _intervals(table, which, end, resamples, seed) for which in BOTH}
    methods: dict[Which, dict[str, MethodFigures]] = {}
    for which in BOTH:
        earned = rewards(best[which], table.problems)
        level = fixed[which]
        methods[which] = {
            method: MethodFigures(
                aup=drawn[which].areas[method],
                aup_interval=intervals[which][0].get(method),
                fixed_aup=None if level is None else level.areas[method],
                fixed_interval=intervals[which][1].get(method),
                mean_reward=at_k.mean_and_error(list(earned[method].values()))[0],
                average_rank=rankings[which].average[method],
                borda=rankings[which].borda[method],
            )
            for method in best[which]
        }
    return Summary(table, k, _cells(table, k), drawn, fixed, rankings, methods)


def _cells(table: ScoreTable, k: int) -> dict[str, dict[str, CellFigures]]:
    return {
        method: {problem.task: _cell(table, method, problem, k) for problem in table.problems}
        for method in table.methods
    }


def _cell(table: ScoreTable, method: str, problem: Problem, k: int) -> CellFigures:
    made = table.of(method, problem.task)
    attempts, submissions = ([result.of(which) for result in made] for which in BOTH)
    passed = at_k.passes(problem, submissions)
    submitted = table.values(method, problem.task, "submission")
    if is_published(method):
        k, submitted = 1, []
    mean, error = at_k.mean_and_error(submitted)
    return CellFigures(
        made=len(made),
        scored=len(table.values(method, problem.task, "attempt")),
        best_attempt=at_k.best_at_k(problem.goal, attempts, k),
        best_submission=at_k.best_at_k(problem.goal, submissions, k),
        pass_at_k=None if passed is None else at_k.pass_at_k(passed, len(made), k),
        mean=mean,
        error=error,
    )


def _intervals(
    table: ScoreTable, which: Which, end: float, resamples: int, seed: int
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Of both areas; on the grid of the whole table, so that resamples differ by their scores alone."""
    if not resamples or all(len(made) < 2 for tasks in table.results.values() for made in tasks.values()):
        return {}, {}

    def area(drawn: ScoreTable) -> Mapping[str, float]:
        return areas(ratios(at_k.best_scores(drawn, which), table.problems), end)

    def fixed_area(drawn: ScoreTable) -> Mapping[str, float]:
        return fixed_areas(at_k.best_scores(drawn, which), table.problems)

    both = [bootstrap.intervals(table, figure, resamples=resamples, seed=seed) for figure in (area, fixed_area)]
    varying = [{method: found for method, found in one.items() if method != BASELINE} for one in both]
    return varying[0], varying[1]
