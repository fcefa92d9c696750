"""The course of a session: what it scored, over the steps that it had used by then."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgym_mcp.sessions.budget import load_budget
from mlgym_mcp.sessions.course import published
from mlgym_mcp.sessions.traj import NOT_THE_AGENTS
from mlgym_mcp.store import Event, Records, SessionRow
from mlgym_mcp.tasks.spec import TaskSpec

KINDS = ("validate", "submit")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scoring. `at` in seconds since the epoch."""

    event: int
    """Its number in the trajectory."""
    phase: str
    step: int
    """Steps used by then, that one included."""
    at: float
    outcome: str
    value: float | None
    """Of the metric that ranks; None unless scored."""
    reward: float | None
    upstream: float | None
    """The same on all of the original's examples: this stands beside published scores."""
    automatic: bool
    """Whether nobody asked for it: the budget had ended."""


@dataclass(frozen=True, slots=True)
class Course:
    """All scorings of a session, in order, and what they may be held against."""

    verdicts: tuple[Verdict, ...]
    steps: int
    """Steps that the session has."""
    used: int
    metric: str
    goal: str | None
    """None of a task that the catalogue does not have."""
    baseline: float | None
    target: float | None
    published: Mapping[str, float]
    """Who published which score; empty where that would not be fair."""

    @property
    def scored(self) -> tuple[Verdict, ...]:
        """Those that came to a value."""
        return tuple(one for one in self.verdicts if one.value is not None)

    @property
    def best(self) -> Verdict | None:
        """The best validation so far, the first of several."""
        return best([one for one in self.scored if one.phase == "validate"], self.goal)


def best(verdicts: list[Verdict], goal: str | None) -> Verdict | None:
    """The best of some that came to a value, the first of several; None of none, or where nobody knows what is best."""
    if goal is None:
        return None
    sign = 1 if goal == "maximize" else -1
    return max(verdicts, key=lambda one: sign * (one.value or 0.0), default=None)


def course(records: Records, row: SessionRow, task: TaskSpec | None) -> Course:
    """The course of a session on a task, as far as the catalogue still has that."""
    budget = load_budget(row.budget)
    told = [(event, _reply(event)) for event in records.events.of_kinds(row.id, *KINDS)]
    events = [event for event, reply in told if reply is not None]
    replies = [reply for _, reply in told if reply is not None]
    numbers = records.events.numbers(row.id, events)
    metric = task.ranking.name if task is not None else _some_metric(replies)
    verdicts = [
        verdict
        for event, reply in zip(events, replies, strict=True)
        if (verdict := _verdict(event, reply, metric, budget.limits.steps, numbers[event.id])) is not None
    ]
    return Course(
        verdicts=tuple(verdicts),
        steps=budget.limits.steps,
        used=budget.steps,
        metric=metric,
        goal=None if task is None else task.ranking.goal,
        baseline=None if task is None else _baseline(task, row, replies),
        target=None if task is None else task.target.value,
        published={} if task is None else published(task, row),
    )


def _reply(event: Event) -> dict[str, Any] | None:
    """What was answered, if it has the form of a scoring's answer: other versions may have had another."""
    try:
        reply = json.loads(event.reply or "null")
        known = isinstance(reply["budget"]["steps"], int) and isinstance(reply["phase"], str)
        return reply if known and isinstance(reply["score"], dict | None) else None
    except (LookupError, TypeError, ValueError):
        return None


def _verdict(event: Event, reply: Any, metric: str, steps: int, number: int) -> Verdict | None:
    request = json.loads(event.request)
    if reply.get("outcome") not in ("scored", "submission_fault", "infrastructure_fault") or "collected" in request:
        return None
    score = reply["score"] or {}
    return Verdict(
        event=number,
        phase=reply["phase"],
        step=steps - reply["budget"]["steps"],
        at=event.at + (event.seconds or 0.0),
        outcome=reply["outcome"],
        value=(score.get("scores") or {}).get(metric),
        reward=score.get("reward"),
        upstream=(score.get("upstream_scores") or {}).get(metric),
        automatic=any(mark in request for mark in NOT_THE_AGENTS),
    )


def _some_metric(replies: list[Any]) -> str:
    return next((name for reply in replies for name in (reply.get("score") or {}).get("scores") or {}), "score")


def _baseline(task: TaskSpec, row: SessionRow, replies: list[Any]) -> float | None:
    """What scores were held against when they were made; before there are any, what the task says now."""
    metric = task.ranking.name
    for reply in reversed(replies):
        if metric in (stated := (reply.get("score") or {}).get("baseline") or {}):
            return float(stated[metric])
    if row.flavour == "auto":  # as it is called while it waits to open
        return None
    return task.baselines.of(row.flavour, row.protocol).get(metric)  # type: ignore[arg-type]  # only these are written
