"""The course of a session: its scores so far, step by step, and what they are held against."""

import json
from collections.abc import Iterator
from typing import Any

from mlgym_mcp.sessions.replies import Course, Point
from mlgym_mcp.store import SessionRow, Store
from mlgym_mcp.tasks.spec import Budget, TaskSpec


def course_of(store: Store, row: SessionRow, limits: Budget, task: TaskSpec) -> Course:
    """What `validate` and `submit` have told of a session."""
    metric = task.ranking
    known = row.flavour in ("full", "sample")
    return Course(
        metric=metric.name,
        goal=metric.goal,
        baseline=task.baselines.of(row.flavour, row.protocol)[metric.name] if known else None,  # type: ignore[arg-type]
        target=task.target.value,
        published=published(task, row),
        points=tuple(_points(store, row.id, limits.steps, metric.name)),
        steps=limits.steps,
        wall_time=limits.wall_time,
    )


def published(task: TaskSpec, row: SessionRow) -> dict[str, float]:
    """The best attempts of models, to stand beside scores on the same examples; none where that would not be fair."""
    fair = task.comparable.value and row.flavour == "full"
    return {model: score.attempt for model, score in task.published.items()} if fair else {}


def _points(store: Store, session: str, steps: int, metric: str) -> Iterator[Point]:
    for event in store.events.of_kinds(session, "validate", "submit"):
        reply: dict[str, Any] = json.loads(event.reply or "null") or {}
        if not (score := reply.get("score")) or json.loads(event.request).get("collected"):
            continue
        yield Point(
            step=steps - reply["budget"]["steps"],
            phase=reply["phase"],
            outcome=reply["outcome"],
            value=score["scores"].get(metric),
            standard_error=score["standard_error"].get(metric),
            upstream=(score["upstream_scores"] or {}).get(metric),
        )
