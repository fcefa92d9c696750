"""A table of scores: what each method came to at each task, attempt by attempt.

One table is of one kind of score. A sample's scores never share a table with the full data's, nor `strict` ones with
`mlgym`'s; beside published scores stand only those on all of the original's examples (`upstream`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mlgym_clients.records.task import Goal

BASELINE = "baseline"
"""The method that each task's baseline score belongs to."""
PUBLISHED = "{} (published)"
"""How a model of the original's paper is called as a method."""
Which = Literal["attempt", "submission"]


class Group(NamedTuple):
    """What was measured alike."""

    flavour: str
    protocol: str
    scores: Literal["ranked", "upstream"] = "ranked"
    """`ranked`: what validate and submit rank by; `upstream`: on all of the original's examples."""

    def __str__(self) -> str:
        beside = ", on all of the original's examples" if self.scores == "upstream" else ""
        return f"{self.flavour} data, protocol {self.protocol}{beside}"


class Problem(NamedTuple):
    """A task as scores are held against it."""

    task: str
    goal: Goal
    baseline: float | None
    target: float | None = None
    """The value that earns a reward of 1; None where nobody said."""


class Result(NamedTuple):
    """What one attempt came to, by the metric that ranks; None: nothing was scored."""

    attempt: float | None
    """Of its best artefact."""
    submission: float | None
    """Of what it submitted."""

    def of(self, which: Which) -> float | None:
        """One of the two."""
        return self.attempt if which == "attempt" else self.submission


@dataclass(frozen=True)
class ScoreTable:
    """Results by method and task. A method that never tried a task has none there."""

    group: Group
    problems: tuple[Problem, ...]
    results: Mapping[str, Mapping[str, tuple[Result, ...]]]
    """Method → task → one result an attempt. Without `BASELINE`, whose scores the problems have, unless it was run."""
    notes: tuple[str, ...] = field(default=())
    """What was left out of the table, and why."""

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods, as they first appeared."""
        return tuple(self.results)

    def of(self, method: str, task: str) -> tuple[Result, ...]:
        """A method's results at a task; none where it never tried."""
        return self.results.get(method, {}).get(task, ())

    def values(self, method: str, task: str, which: Which) -> list[float]:
        """The scores among them."""
        return [value for result in self.of(method, task) if (value := result.of(which)) is not None]


def is_published(method: str) -> bool:
    """Whether a method is a model of the original's paper, with one result: the best of four attempts."""
    return method.endswith(PUBLISHED.format(""))


def better(goal: Goal, one: float, other: float) -> bool:
    """Whether `one` is strictly better than `other`."""
    return one > other if goal == "maximize" else one < other


def best(goal: Goal, values: list[float]) -> float | None:
    """The best of some values; None of none."""
    if not values:
        return None
    return max(values) if goal == "maximize" else min(values)
