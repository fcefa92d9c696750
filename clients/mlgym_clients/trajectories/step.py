"""What an agent did, step by step, each with what came of it in the end: a job's output, a score that was collected."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mlgym_clients.records.folder import Event
from mlgym_clients.trajectories.event import OUTPUTS, VERDICTS


@dataclass
class Step:
    """One call that did something. `reply` is the last that was told of it."""

    kind: str
    request: dict[str, Any]
    reply: dict[str, Any] | None
    error: str | None
    ran_on: bool = False
    """Whether its call was answered while it ran."""
    followed: list[str] = field(default_factory=list)
    """Jobs that were waited for to their end before the next step."""

    @property
    def result(self) -> dict[str, Any]:
        """What a command came to; empty of any other call."""
        return ((self.reply or {}).get("result") or {}) if self.kind in OUTPUTS else {}

    @property
    def running(self) -> bool:
        """Whether it was left while it ran."""
        return bool(self.result.get("running"))

    @property
    def event(self) -> Event:
        """The step as an event."""
        return {"kind": self.kind, "request": self.request, "reply": self.reply, "error": self.error}


def steps(events: Iterable[Event]) -> list[Step]:
    """The steps among a session's events."""
    found: list[Step] = []
    jobs: dict[str, Step] = {}
    verdicts: dict[str, Step] = {}
    for event in events:
        kind, request, reply = event["kind"], event["request"], event["reply"]
        if request.get("automatic"):
            continue
        waits = kind == "job" and request.get("action") == "wait"
        before = jobs.get(request.get("job", "")) if waits else verdicts.get(kind) if "collected" in request else None
        if waits or "collected" in request:
            if before is not None and reply is not None:
                before.reply = reply
                if waits and not before.running:
                    found[-1].followed.append(request["job"])
            continue
        step = Step(kind, request, reply, event["error"])
        step.ran_on = step.running
        found.append(step)
        if kind == "bash" and (job := step.result.get("job")):
            jobs[job] = step
        if kind in VERDICTS:
            verdicts[kind] = step
    return found
