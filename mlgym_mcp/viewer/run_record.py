"""Runs as the viewer shows them: what whoever keeps run folders tells of them. Figures come computed.

The server knows nothing of how runs are kept; the command line, which knows both, hands over who does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlgym_mcp.errors import CallerError


class UnknownRun(CallerError):
    """Raised where there is no such run or attempt, or it can't be read; says which."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list of runs. Stamps in seconds since 1970."""

    name: str
    created_at: float
    changed_at: float
    tasks: int
    agents: tuple[str, ...]
    planned: int
    """Attempts."""
    finished: int
    failed: int
    """Through the infrastructure."""
    going_on: bool
    trouble: str | None = None
    """Why it can't be read; the rest says nothing then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an artefact scored by the metric that ranks."""

    value: float
    error: float | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt. Durations in seconds."""

    task: str
    agent: str
    number: int
    state: str
    """`running`, `finished` or `failed`."""
    ending: str
    """How it ended, in a few words; empty while it has not."""
    submitted: Verdict | None
    best: Verdict | None
    steps: int
    seconds: float
    tokens: int
    cost: float | None
    """US dollars; None where nobody told."""
    branched: bool
    detail: str | None = None
    session: str | None = field(default=None, repr=False)
    """Its session's handle. Secret: to find the session by, never to be shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a method came to at a task."""

    made: int
    best_attempt: float | None
    best_submission: float | None
    pass_at_k: float | None
    mean: float | None
    error: float | None
    """The standard error of the mean."""
    leads: bool
    """Whether nobody's best attempt is better."""


@dataclass(frozen=True, slots=True)
class TaskColumn:
    """A task as scores are held against it, and the cells of all methods at it."""

    task: str
    metric: str
    goal: str
    baseline: float | None
    target: float | None
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class MethodLine:
    """A method over all tasks."""

    method: str
    aup_attempts: float
    aup_submissions: float
    fixed_aup: float | None
    mean_reward: float | None
    rank: float
    borda: float


@dataclass(frozen=True, slots=True)
class ConductLine:
    """What one agent did and used, over all its attempts that came to an end."""

    agent: str
    attempts: int
    scored: int
    endings: Mapping[str, int]
    actions: Mapping[str, int]
    steps: float
    """Of one attempt, in the mean; so are the next two."""
    seconds: float
    tokens: float
    cost: float | None
    """Of all attempts that told, in US dollars."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The profiles of all methods on one grid."""

    title: str
    caption: str
    axis: str
    end: float
    lines: Mapping[str, Sequence[tuple[float, float]]]
    """Method → (τ, share of tasks)."""
    areas: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunSection:
    """Scores that were measured alike, and their figures."""

    title: str
    k: int
    notes: tuple[str, ...]
    methods: tuple[MethodLine, ...]
    """Best first."""
    tasks: tuple[TaskColumn, ...]
    profiles: tuple[Profile, ...]
    conduct: tuple[ConductLine, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it stands."""

    line: RunLine
    standing: Mapping[str, int]
    """How attempts stand, in words → how many."""
    facts: Mapping[str, str]
    """What was asked for: protocol, limits, seed."""
    sections: tuple[RunSection, ...]
    attempts: tuple[AttemptLine, ...]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt with all that was done in it. What is shown of its events is to be without its session's handle."""

    run: str
    line: AttemptLine
    metric: str
    began_at: float
    steps: int
    """What it was given to begin with."""
    events: Sequence[Mapping[str, Any]]
    """As sessions are exported: kind, at, seconds, request, reply, error."""


class Runs(Protocol):
    """Who keeps run folders. Reads files: call it in a thread."""

    def list(self) -> Sequence[RunLine]:
        """All runs, the newest first."""
        ...

    def get(self, name: str) -> RunRecord:
        """A run.

        Raises:
            UnknownRun: there is none of this name, or it can't be read.
        """
        ...

    def attempt(self, name: str, task: str, agent: str, number: int) -> AttemptRecord:
        """One of a run's attempts.

        Raises:
            UnknownRun: there is none, or it can't be read.
        """
        ...
