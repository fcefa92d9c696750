"""The structured answer of `start`, `status` and `end`: all that is told of a session."""

from typing import Literal

from pydantic import Field

from mlgym_mcp.scoring.score import Phase
from mlgym_mcp.sessions.replies import ScoreOutcome, SessionView
from mlgym_mcp.sessions.state import SessionState
from mlgym_mcp.tools.answers import Answer, Left, ScoreFacts


class PointFacts(Answer):
    """One artefact that was scored."""

    step: int = Field(description="Steps used by then, its own included")
    phase: Phase
    outcome: ScoreOutcome
    value: float | None
    standard_error: float | None
    upstream: float | None = Field(description="After `submit`: on all examples of the original benchmark")


class CourseFacts(Answer):
    """The session's scores so far by the ranking metric, what they are held against, and the whole budget."""

    metric: str
    goal: Literal["maximize", "minimize"]
    baseline: float | None
    target: float
    published: dict[str, float] = Field(description="Of models, to stand beside `upstream` only; empty if unfair")
    points: list[PointFacts]
    steps: int
    wall_time: float


class Job(Answer):
    """One job of a session."""

    job: str
    command: str
    running: bool
    exit_code: int | None
    seconds: float


class SessionAnswer(Answer):
    """What `start`, `status` and `end` answer."""

    session: str
    task: str
    state: SessionState
    reason: str | None = Field(description="Why it waits, was cut off or was lost")
    flavour: str
    protocol: str
    jobs: list[Job]
    exit_status: str | None
    score: ScoreFacts | None
    left: Left
    gpus: list[str] = Field(default_factory=list, description="Names of the GPUs that the session has to itself")
    network: list[str] = Field(default_factory=list, description="Hosts that it may reach, through `https_proxy`")
    course: CourseFacts
    brief: str | None = Field(default=None, description="Of `start`: what to do")

    @classmethod
    def of(cls, view: SessionView, *, brief: str | None = None) -> "SessionAnswer":
        """All that a view shows."""
        return cls(
            session=view.id,
            task=view.task,
            state=view.state,
            reason=view.reason,
            flavour=view.flavour,
            protocol=view.protocol,
            jobs=[
                Job(job=job.job, command=job.command, running=job.running, exit_code=job.exit_code, seconds=job.seconds)
                for job in view.jobs
            ],
            exit_status=view.exit_status,
            score=None if view.score is None else ScoreFacts.facts(view.score),
            left=Left.of(view.budget),
            gpus=list(view.gpus.devices) if view.gpus else [],
            network=list(view.network),
            course=CourseFacts.model_validate(view.course, from_attributes=True),
            brief=brief,
        )
