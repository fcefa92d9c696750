"""Exports of sessions: all that is kept of one, as one JSON document, without what would let anybody use it.

A session is named by its sandbox. Its handle and its token are left out, and replaced wherever a reply quotes them;
so is what a submission's fault says, which may quote hidden data.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.grading import BEST
from mlgym_mcp.sessions.record import BINARY
from mlgym_mcp.sessions.traj import trajectory
from mlgym_mcp.store import Event, Records, ScoreRow, SessionRow

FORMAT = "mlgym-mcp/session-1"
REDACTED = "[redacted]"
FACTS = (
    "task",
    "protocol",
    "flavour",
    "gpus",
    "state",
    "reason",
    "exit_status",
    "created_at",
    "closed_at",
    "backend",
    "validated",
    "submission",
)

Document = dict[str, Any]


def session_document(store: Records, row: SessionRow) -> Document:
    """All that is kept of a session: facts, budget, submissions, scores and events. Stamps in seconds since 1970."""
    document = {
        "format": FORMAT,
        "session": row.sandbox,
        **{name: getattr(row, name) for name in FACTS},
        "branched": row.origin is not None,
        "aids": row.aids.split(),
        "budget": json.loads(row.budget),
        "submissions": [
            {"phase": one.phase, "artefact": one.artefact, "size": one.size, "at": one.at}
            for one in store.submissions.list(row.id)
        ],
        "scores": [_score(found) for found in store.scores.of_session(row.id)],
        "events": [event_document(event) for event in store.events.list(row.id)],
    }
    return _redacted(document, row)


def trajectory_document(store: Records, row: SessionRow) -> Document:
    """A session in MLGym's trajectory format."""
    events = [event_document(event) for event in store.events.list(row.id)]
    scores = [found.score for found in store.scores.of_session(row.id) if found.phase != BEST]
    return _redacted(trajectory(row, events, scores), row)


DOCUMENTS: dict[str, Callable[[Records, SessionRow], Document]] = {
    "json": session_document,
    "traj": trajectory_document,
}
"""Format → what makes a session's document in it."""


def event_document(event: Event) -> Document:
    """All that is kept of one event but its key; the session's handle stays out of it, unless a reply quotes it."""
    return {
        "kind": event.kind,
        "at": event.at,
        "seconds": event.seconds,
        "request": json.loads(event.request),
        "reply": None if event.reply is None else json.loads(event.reply),
        "error": event.error,
    }


def _score(found: ScoreRow) -> Document:
    return {"at": found.at, "best": found.phase == BEST, **_shown(found.score).model_dump(mode="json")}


def _shown(score: Score) -> Score:
    return score.model_copy(update={"fault_message": None}) if score.phase == "submit" else score


def _redacted(document: Document, row: SessionRow) -> Document:
    secrets = [secret for secret in (row.id, row.token) if secret]
    redacted: Document = _walk(document, secrets)
    return redacted


def _walk(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
        return value
    if isinstance(value, dict):
        if value.keys() == {BINARY}:
            return {BINARY: _binary(value[BINARY], secrets)}
        return {_walk(name, secrets): _walk(item, secrets) for name, item in value.items()}
    return [_walk(item, secrets) for item in value] if isinstance(value, list) else value


def _binary(encoded: str, secrets: list[str]) -> str:
    content = base64.b64decode(encoded)
    for secret in secrets:
        content = content.replace(secret.encode(), REDACTED.encode())
    return base64.b64encode(content).decode()
