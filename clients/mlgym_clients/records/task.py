"""What a client knows of a task."""

from typing import Literal

from pydantic import Field

from mlgym_clients.records.record import Record

Goal = Literal["maximize", "minimize"]
Flavour = Literal["full", "sample"]
Protocol = Literal["strict", "mlgym"]


class Published(Record):
    """What a model scored in the original benchmark's paper, by the metric that ranks."""

    attempt: float
    """Best attempt@4."""
    submission: float
    """Best submission@4."""


class TaskFacts(Record):
    """A task of the catalogue, as the server told it when the run began."""

    id: str
    title: str
    domain: str
    metric: str
    """The one that ranks."""
    goal: Goal
    baselines: dict[str, float] = Field(default_factory=dict)
    """The baseline's value of that metric; the key is `flavour/protocol`, as in `full/strict`."""
    target: float
    target_source: str = ""
    comparable: bool = False
    """Whether `upstream_scores` may stand beside published ones."""
    comparable_why: str = ""
    published: dict[str, Published] = Field(default_factory=dict)
    """By model; empty where not comparable."""
    steps: int = 50
    wall_time: float | None = None
    """Seconds; None where the server does not tell."""
