"""What the events of a session come to: verdicts, and how often each tool was used."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mlgym_clients.records.attempt import Measure
from mlgym_clients.records.folder import Event
from mlgym_clients.records.task import TaskFacts
from mlgym_clients.trajectories.event import of_the_agent

ACTIONS = ("bash", "edit", "job", "validate", "submit")
SCORES = ("scores", "standard_error", "baseline")


def actions(events: Iterable[Event]) -> dict[str, int]:
    """How often an agent called each tool with effect."""
    counted = Counter(event["kind"] for event in of_the_agent(events) if event["error"] is None)
    return {kind: counted[kind] for kind in ACTIONS if counted[kind]}


def measures(events: Iterable[Event], *, steps: int, began_at: float) -> list[Measure]:
    """Every verdict among events, in order.

    Args:
        events: A session's.
        steps: What it was given to begin with.
        began_at: When the attempt began, in seconds since 1970.
    """
    found = []
    for event in events:
        reply = event["reply"] or {}
        if "outcome" not in reply or "collected" in event["request"] or reply["outcome"] == "pending":
            continue
        if reply["outcome"] != "nothing_to_score":
            used, at = steps - reply["budget"]["steps"], event["at"] + event["seconds"] - began_at
            found.append(_measure(reply, reply["score"] or {}, step=used, at=at))
    return found


def measure_of_answer(answer: dict[str, Any], *, step: int, at: float) -> Measure | None:
    """The verdict that a tool answered; None where there was nothing to score."""
    if answer["outcome"] in ("pending", "nothing_to_score"):
        return None
    return _measure(answer, answer, step=step, at=at)


def best_of(found: Sequence[Measure], task: TaskFacts) -> Measure | None:
    """The best of some verdicts by the metric that ranks; the first of equally good ones."""
    scored = [one for one in found if one.outcome == "scored" and task.metric in one.scores]
    sign = 1 if task.goal == "maximize" else -1
    return max(scored, key=lambda one: sign * one.scores[task.metric], default=None)


def was_branched(events: Iterable[Event]) -> bool:
    """Whether more was tried than one budget."""
    return any(((event["reply"] or {}).get("score") or {}).get("branched", False) for event in events)


def _measure(reply: dict[str, Any], score: dict[str, Any], *, step: int, at: float) -> Measure:
    return Measure(
        phase=reply["phase"],
        outcome=reply["outcome"],
        step=step,
        at=max(0.0, at),
        artefact=score.get("artefact"),
        **{name: score.get(name) or {} for name in SCORES},
        upstream_scores=score.get("upstream_scores"),
        upstream_standard_error=score.get("upstream_standard_error"),
        reward=score.get("reward"),
        fault=reply["fault"],
    )
