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
    goal: Literal["maximize", "minimize"]
    ranks: bool = False

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.goal == "maximize" else value < other


class FullBaselines(Part):
    """What the baseline reaches on the full data: as the original published it, and as measured under `strict`."""

    upstream: Scores | None = None
    strict: Scores


class Baselines(Part):
    """What the baseline reaches, by flavour."""

    full: FullBaselines
    sample: Scores
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
    source: str


class Comparable(Part):
    """Whether the published scores can stand beside ours, and why."""

    value: bool
    why: str


class PublishedScore(Part):
    """One model's best attempt and best submission of four runs, as published."""

    attempt: FiniteFloat
    submission: FiniteFloat
