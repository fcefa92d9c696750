"""The head of a session: how it stands, what it has used, where it came from."""

import json
from dataclasses import dataclass

from mlgym_mcp.scoring.score import GpuUsage
from mlgym_mcp.sessions.budget import Budget, load_budget
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import Event, SessionRow
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.viewer.visit import Visit


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as far as its session's calls tell."""

    name: str
    command: str
    """Its first line."""
    event: int
    """The number of the call that began it."""
    standing: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The checkpoint that a session began from, or went back to last."""

    checkpoint: str
    row: SessionRow | None
    """The session that it is of; None where the visitor may not see that."""
    own: bool


@dataclass(frozen=True, slots=True)
class Head:
    """All that stands above a trajectory. `now` in seconds since the epoch."""

    row: SessionRow
    task: TaskSpec | None
    budget: Budget
    now: float
    jobs: tuple[Job, ...]
    origin: Origin | None
    devices: tuple[str, ...]
    """The GPUs that it has now."""
    gpus: GpuUsage | None
    """What it had of GPUs up to its last scoring."""

    @property
    def live(self) -> bool:
        """Whether the session is not over."""
        return self.row.state in LIVE

    @property
    def until(self) -> float:
        """Up to when its clock is told."""
        return self.row.closed_at or self.now

    @property
    def elapsed(self) -> float:
        """Seconds of wall time used."""
        return self.budget.elapsed(self.until)

    @property
    def time_left(self) -> float:
        """Seconds of wall time left."""
        return self.budget.left(self.now).wall_time


def head(visit: Visit, row: SessionRow, jobs: tuple[Job, ...]) -> Head:
    """The head of a session."""
    scores = visit.records.scores.of_session(row.id) if row.gpus else []
    return Head(
        row=row,
        task=visit.task(row.task),
        budget=load_budget(row.budget),
        now=visit.now,
        jobs=jobs,
        origin=None if row.origin is None else _origin(visit, row, row.origin),
        devices=tuple(lease.device for lease in visit.records.gpu_leases.all() if lease.session == row.id),
        gpus=next((found.score.gpus for found in reversed(scores) if found.score.gpus is not None), None),
    )


def jobs(visit: Visit, row: SessionRow) -> tuple[Job, ...]:
    """The commands of a session that ran on after their call, in order."""
    found: dict[str, Job] = {}
    events = visit.records.events.ran_on(row.id)
    numbers = visit.records.events.numbers(row.id, events)
    for event in events:
        try:
            request, reply = json.loads(event.request), json.loads(event.reply) if event.reply else None
            standing = None if reply is None else _standing(reply["result"], row)
        except (LookupError, TypeError, ValueError):  # as another version has recorded it
            continue
        name = str(request.get("job") or (reply or {}).get("result", {}).get("job", ""))
        if not name:
            continue
        known = found.get(name) or _begun(visit, row, event, name, numbers[event.id])
        if known is not None:
            found[name] = Job(known.name, known.command, known.event, standing or known.standing)
    return tuple(found.values())


def _begun(visit: Visit, row: SessionRow, event: Event, name: str, number: int) -> Job | None:
    if event.kind != "bash":  # of a command that ended within its call
        return None
    command = str(json.loads(event.request).get("command", "")).strip().partition("\n")[0]
    return Job(name, visit.hidden(row, command), number, "begun")


def _standing(result: dict[str, object], row: SessionRow) -> str:
    if result["running"]:
        return "running when last looked at" if row.state in LIVE else "not waited for"
    return f"exit {result['exit_code']}" + (f" ({result['stopped']})" if result.get("stopped") else "")


def _origin(visit: Visit, row: SessionRow, checkpoint: int) -> Origin:
    found = visit.records.checkpoints.get(checkpoint)
    source = visit.records.sessions.get(found.session)
    return Origin(found.name, source if source is not None and visit.sees(source) else None, found.session == row.id)
