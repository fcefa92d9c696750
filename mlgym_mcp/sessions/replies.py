"""What calls return. Nothing here is text for a model: the edge renders it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlgym_mcp.sandbox.answers import JobInfo
from mlgym_mcp.sandbox.base import CommandResult
from mlgym_mcp.scoring.score import GpuUsage, Phase, Score
from mlgym_mcp.sessions.budget import BudgetLeft
from mlgym_mcp.sessions.state import SessionState

ViewKind = Literal["text", "folder", "png", "jpeg"]
ScoreOutcome = Literal["scored", "submission_fault", "infrastructure_fault", "pending", "nothing_to_score"]


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The answer of `bash` and `job`."""

    result: CommandResult
    seconds: float
    """How long the call took."""
    budget: BudgetLeft
    state: SessionState
    """After the call: `cut_off` when it used the last step."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """What `view` shows."""

    kind: ViewKind
    data: bytes
    total_lines: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class EditReply:
    """The answer of `edit`; which fields are set depends on the command."""

    command: str
    path: str
    seconds: float
    budget: BudgetLeft
    state: SessionState
    content: FileContent | None = None
    """Of `view`."""
    overwrote: bool | None = None
    """Of `create`."""
    snippet: bytes | None = None
    """Of `str_replace` and `insert`: the lines around the change."""


@dataclass(frozen=True, slots=True)
class ScoreReply:
    """The answer of `validate` and `submit`."""

    phase: Phase
    outcome: ScoreOutcome
    """`pending`: scoring goes on; the next call of the same tool collects it free of charge."""
    score: Score | None
    """The record; None unless something was scored or faulted."""
    seconds: float
    budget: BudgetLeft
    state: SessionState
    exit_status: str | None = None
    """MLGym's words, once the session is over."""
    fault: str | None = None
    """Of `validate`: the fault in detail. Of `submit`: its reason code only."""
    held: bool = False
    """Whether the artefact failed twice through no fault of its own and now waits for the operator."""


@dataclass(frozen=True, slots=True)
class BestReply:
    """The answer of `score_best`."""

    verdict: ScoreReply
    """As `submit` would have answered for this artefact."""
    artefact: str | None
    """Its hash; None where nothing was ever validated or submitted."""
    submitted: bool
    """Whether it is what the session submitted."""
    step: int | None
    """Steps charged when it first validated, that one included; None where it never did, or that isn't known."""


@dataclass(frozen=True, slots=True)
class CheckpointReply:
    """The answer of `checkpoint` and `restore`."""

    name: str
    size: int
    """Bytes of the workspace's archive."""
    running: tuple[str, ...]
    """Jobs that ran: they are not in the checkpoint, and a `restore` has ended them."""
    seconds: float
    budget: BudgetLeft
    state: SessionState


@dataclass(frozen=True, slots=True)
class AidReply:
    """The answer of what a session has beside its sandbox."""

    text: str
    seconds: float
    budget: BudgetLeft
    state: SessionState


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of a session. `command` is cut to its first line."""

    job: str
    command: str
    running: bool
    exit_code: int | None
    seconds: float

    @classmethod
    def of(cls, job: JobInfo) -> "JobView":
        """What is shown of a job."""
        return cls(job.job, job.command.split("\n", 1)[0], job.running, job.exit_code, job.seconds)


@dataclass(frozen=True, slots=True)
class Point:
    """One artefact that was scored."""

    step: int
    """Steps used by then, its own included."""
    phase: Phase
    outcome: ScoreOutcome
    value: float | None
    """Of the metric that ranks."""
    standard_error: float | None
    upstream: float | None
    """Of a submission: on all of the original's examples."""


@dataclass(frozen=True, slots=True)
class Course:
    """A session's scores in order, what they are held against, and what it had to spend. Time in seconds."""

    metric: str
    goal: Literal["maximize", "minimize"]
    baseline: float | None
    """None while it isn't known which data the session has."""
    target: float
    published: Mapping[str, float]
    """The best attempts of models, to stand beside `upstream` only; empty where that would not be fair."""
    points: tuple[Point, ...]
    steps: int
    wall_time: float


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as `start`, `status` and `end` show it."""

    id: str
    task: str
    state: SessionState
    reason: str | None
    """Why it waits, was cut off or was lost."""
    flavour: str
    protocol: str
    budget: BudgetLeft
    created_at: float
    """Seconds since the epoch."""
    exit_status: str | None
    course: Course
    jobs: tuple[JobView, ...] = ()
    score: Score | None = None
    """The score of the submission, once there is one."""
    gpus: GpuUsage | None = None
    """What it has of GPUs; None without."""
    network: tuple[str, ...] = ()
    """The hosts that it may reach."""
