"""Ranks of methods, task by task and over all tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlgym_clients.metrics.table import Problem, better

Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Ranking:
    """Ranks from 1, the best. Equals share the mean of their places; who has no score shares the last ones."""

    by_task: Mapping[str, Mapping[str, float]]
    """Task → method → rank."""
    average: Mapping[str, float]
    """Method → mean of its ranks over all tasks."""
    borda: Mapping[str, float]
    """Method → over all tasks, how many others it beats; half of one that it equals."""

    @property
    def order(self) -> list[str]:
        """The methods by Borda count, the first one first; equals by average rank, then by name."""
        return sorted(self.borda, key=lambda method: (-self.borda[method], self.average[method], method))


def ranking(scores: Scores, problems: Sequence[Problem]) -> Ranking:
    """Rank the methods of a table of best scores."""
    methods, by_task = list(scores), {}
    for problem in problems:
        values = {method: scores[method].get(problem.task) for method in methods}
        by_task[problem.task] = {method: 1 + _ahead(values, method, problem) for method in methods}
    count = len(methods)
    average = {method: sum(task[method] for task in by_task.values()) / max(len(by_task), 1) for method in methods}
    borda = {method: sum(count - task[method] for task in by_task.values()) for method in methods}
    return Ranking(by_task, average, borda)


def _ahead(values: Mapping[str, float | None], method: str, problem: Problem) -> float:
    """How many methods are ahead of one; half of each that is level with it."""
    own, ahead = values[method], 0.0
    for other, value in values.items():
        if other == method:
            continue
        if value == own:
            ahead += 0.5
        elif own is None or (value is not None and better(problem.goal, value, own)):
            ahead += 1
    return ahead
