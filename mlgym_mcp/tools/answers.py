"""The structured answers of tools: what programs read where models read text."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.budget import BudgetLeft
from mlgym_mcp.sessions.replies import BestReply, CheckpointReply, ScoreOutcome, ScoreReply
from mlgym_mcp.sessions.run_token import RunToken
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.sessions.state import SessionState
from mlgym_mcp.tasks.measures import Flavour, Protocol
from mlgym_mcp.tasks.spec import TaskSpec


class Answer(BaseModel):
    """The root of all structured answers."""

    model_config = ConfigDict(frozen=True)


class TaskEntry(Answer):
    """A task as `list_tasks` shows it."""

    id: str
    title: str
    domain: str
    metric: str = Field(description="The metric that ranks")
    goal: Literal["maximize", "minimize"]
    baseline: float = Field(description="The baseline's value on the full data")
    target: float = Field(description="The value that earns a reward of 1: the best known")
    target_source: str
    published: dict[str, float] = Field(description="Best attempts of models in the original benchmark's paper")
    steps: int
    gpus: int

    @classmethod
    def of(cls, task: TaskSpec) -> "TaskEntry":
        """The entry of one task."""
        return cls(
            id=task.id,
            title=task.title,
            domain=task.domain,
            metric=task.ranking.name,
            goal=task.ranking.goal,
            baseline=task.baselines.full.strict[task.ranking.name],
            target=task.target.value,
            target_source=task.target.source,
            published={model: score.attempt for model, score in task.published.items()},
            steps=task.budget.steps,
            gpus=task.resources.gpus,
        )


class Published(Answer):
    """What a model scored in the original benchmark's paper: the best of four runs."""

    attempt: float
    submission: float


class TaskRecord(Answer):
    """A task as `mlgym://tasks` tells it to who runs agents: what scores may be held against."""

    id: str
    title: str
    domain: str
    metric: str
    goal: Literal["maximize", "minimize"]
    baseline: float
    baselines: dict[str, float]
    """The baseline's value by `flavour/protocol`."""
    target: float
    target_source: str
    comparable: bool
    """Whether `upstream_scores` may stand beside published ones."""
    comparable_why: str
    published: dict[str, Published]
    steps: int
    wall_time: float
    gpus: int

    @classmethod
    def of(cls, task: TaskSpec) -> "TaskRecord":
        """The record of one task."""
        name = task.ranking.name
        return cls(
            **TaskEntry.of(task).model_dump(exclude={"published"}),
            baselines={
                f"{flavour}/{protocol}": task.baselines.of(flavour, protocol)[name]
                for flavour in get_args(Flavour)
                for protocol in get_args(Protocol)
            },
            comparable=task.comparable.value,
            comparable_why=task.comparable.why,
            published={model: Published(**score.model_dump()) for model, score in task.published.items()},
            wall_time=task.budget.wall_time,
        )


class TaskRecords(Answer):
    """The catalogue for who runs agents."""

    tasks: list[TaskRecord]
    passed_over: list[str]


class TaskList(Answer):
    """What `list_tasks` answers."""

    tasks: list[TaskEntry]
    passed_over: list[str] = Field(default_factory=list, description="Tasks whose folders are not well-formed")


class Left(Answer):
    """The budget left. Times in seconds; null means without limit."""

    steps: int
    wall_time: float
    command_time: float
    validations: int | None

    @classmethod
    def of(cls, budget: BudgetLeft) -> "Left":
        """The budget that a reply carries."""
        return cls(
            steps=budget.steps,
            wall_time=budget.wall_time,
            command_time=budget.command_time,
            validations=budget.validations,
        )


class ScoreFacts(Answer):
    """A score: metric → value in each of them."""

    scores: dict[str, float] = Field(default_factory=dict)
    standard_error: dict[str, float] = Field(default_factory=dict)
    baseline: dict[str, float] = Field(default_factory=dict)
    reward: float | None = Field(default=None, description="(score − baseline) / (target − baseline), in [−1, 1]")
    upstream_scores: dict[str, float] | None = Field(
        default=None, description="After `submit`: on all examples of the original benchmark"
    )
    upstream_standard_error: dict[str, float] | None = None

    @classmethod
    def facts(cls, score: Score | None) -> "ScoreFacts":
        """The figures of a score; none of them while there is no score."""
        if score is None:
            return ScoreFacts()
        return ScoreFacts(
            scores=score.scores,
            standard_error=score.standard_error,
            baseline=score.baseline,
            reward=score.reward,
            upstream_scores=score.upstream_scores,
            upstream_standard_error=score.upstream_standard_error,
        )


class ScoreAnswer(ScoreFacts):
    """What `validate` and `submit` answer."""

    session: str
    phase: Literal["validate", "submit"]
    outcome: ScoreOutcome
    artefact: str | None = Field(description="The hash of what was scored")
    fault: str | None
    held: bool = Field(description="Whether the server failed at it so often that it waits for the operator")
    exit_status: str | None
    state: SessionState
    flavour: str
    protocol: str
    seconds: float
    left: Left

    @classmethod
    def of(cls, reply: ScoreReply, session: Session, **more: Any) -> Self:
        """All that a reply says."""
        return cls(
            **ScoreFacts.facts(reply.score).model_dump(),
            session=session.id,
            phase=reply.phase,
            outcome=reply.outcome,
            artefact=None if reply.score is None else reply.score.artefact,
            fault=reply.fault,
            held=reply.held,
            exit_status=reply.exit_status,
            state=reply.state,
            flavour=session.flavour,
            protocol=session.protocol,
            seconds=reply.seconds,
            left=Left.of(reply.budget),
            **more,
        )


class BestAnswer(ScoreAnswer):
    """What `score_best` answers."""

    submitted: bool = Field(description="Whether it is what the session submitted")
    step: int | None = Field(description="Steps charged when it validated, that one included; null if it never did")

    @classmethod
    def of_best(cls, reply: BestReply, session: Session) -> Self:
        """All that a reply says."""
        return cls.of(reply.verdict, session, submitted=reply.submitted, step=reply.step)


class RunTokenAnswer(Answer):
    """What `run_token` answers."""

    session: str
    token: str = Field(description="To be shown as `Authorization: Bearer <token>`")
    expires_at: float = Field(description="Seconds since the epoch")

    @classmethod
    def of(cls, token: RunToken, session: Session) -> Self:
        """All that is known of it."""
        return cls(session=session.id, token=token.secret, expires_at=token.expires_at)


class CheckpointAnswer(Answer):
    """What `checkpoint` and `restore` answer."""

    session: str
    checkpoint: str
    size: int = Field(description="Bytes of the workspace's archive")
    running: list[str] = Field(description="Jobs that ran: not in a checkpoint, and ended by `restore`")
    state: SessionState
    seconds: float
    left: Left

    @classmethod
    def of(cls, reply: CheckpointReply, session: Session) -> "CheckpointAnswer":
        """All that a reply says."""
        return cls(
            session=session.id,
            checkpoint=reply.name,
            size=reply.size,
            running=list(reply.running),
            state=reply.state,
            seconds=reply.seconds,
            left=Left.of(reply.budget),
        )
