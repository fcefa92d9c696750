"""What a task measures, and the figures a score is held against."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat

Flavour = Literal["full", "sample"]
Protocol = Literal["strict", "mlgym"]
Scores = dict[str, FiniteFloat]
"""Metric → value."""


class Part(BaseModel):
    """A part of a task.yaml: frozen, and without room for unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Metric(Part):
    """One figure of the grader."""

    name: str
    """As the grader names it."""
    goal: Literal["maximize", "minimize"]
    """Which way is better."""
    ranks: bool = False
    """Whether it is the one that rewards and leaderboards go by."""

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.goal == "maximize" else value < other


class FullBaselines(Part):
    """What the baseline reaches on the full data: as the original published it, and as measured under `strict`."""

    upstream: Scores | None = None
    """As the original published it, on its whole test set."""
    strict: Scores
    """On what `submit` sees."""


class Baselines(Part):
    """What the baseline reaches, by flavour."""

    full: FullBaselines
    """On the official data."""
    sample: Scores
    """On the small data that is made offline."""
    tolerance: Scores = {}
    """How far from these `tasks check` may find the baseline, where three standard errors are too little."""

    def of(self, flavour: Flavour, protocol: Protocol) -> Scores:
        """The baseline that a score is held against."""
        if flavour == "sample":
            return self.sample
        if protocol == "mlgym" and self.full.upstream is not None:
            return self.full.upstream
        return self.full.strict


class Target(Part):
    """The value of the ranking metric that earns a reward of 1, and where it comes from."""

    value: FiniteFloat
    """The best that is known, or that can be had."""
    source: str
    """Who reached it, or why it is the best."""


class Comparable(Part):
    """Whether the published scores can stand beside ours, and why."""

    value: bool
    """Whether they can."""
    why: str
    """What is the same, or what differs."""


class PublishedScore(Part):
    """One model's best attempt and best submission of four runs, as published."""

    attempt: FiniteFloat
    """The best artefact of all attempts."""
    submission: FiniteFloat
    """The best that was submitted."""
