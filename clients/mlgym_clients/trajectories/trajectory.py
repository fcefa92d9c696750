"""A trajectory: an attempt, all that was done in it, and what was said."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.folder import Event, NoRun, RunFolder
from mlgym_clients.records.message import Message
from mlgym_clients.runs.measures import actions, measures, was_branched
from mlgym_clients.trajectories.event import BINARY

SESSION = "mlgym-mcp/session-1"
REDACTED = "[redacted]"


class BadTrajectory(Exception):
    """Raised where a file is no trajectory of the format it should have; says which file and why."""


@dataclass(frozen=True)
class Trajectory:
    """One attempt with its events and its conversation, which is empty where the agent had none."""

    attempt: Attempt
    events: Sequence[Event]
    messages: Sequence[Message] = ()
    submission: str | None = None
    """The hash of what was submitted."""

    @property
    def name(self) -> str:
        """The attempt's, for files and lists."""
        return "__".join((self.attempt.agent, self.attempt.task, f"run_{self.attempt.number}"))


def read_attempt(folder: Path) -> Trajectory:
    """The trajectory of an attempt's folder; the session's handle is nowhere in it.

    Raises:
        NoRun: the folder is none, or what it holds can't be read.
    """
    place = folder.resolve()
    run = RunFolder(place.joinpath(*[".."] * 4).resolve())
    found = [one for one in run.attempts() if run.attempt_folder(one.key) == place]
    if not found:
        raise NoRun(f"{folder} is no attempt; attempts are in attempts/TASK/AGENT/NUMBER of a run's folder.")
    return read_one(run, found[0])


def read_one(run: RunFolder, attempt: Attempt) -> Trajectory:
    """The trajectory of one of a run's attempts."""
    events, messages = run.read_events(attempt.key), run.read_messages(attempt.key)
    verdict = attempt.submission
    found = Trajectory(attempt, events, messages, verdict.artefact if verdict else None)
    return found if attempt.session is None else _redacted(found, attempt.session)


def from_session(document: dict[str, Any]) -> Trajectory:
    """The trajectory of what `mlgym-mcp sessions export` writes. Who the agent was is not known."""
    events: list[Event] = document["events"]
    opened, limits = document["budget"].get("opened_at") or document["created_at"], document["budget"]["limits"]
    attempt = Attempt(
        task=document["task"],
        agent="session",
        number=1,
        state="finished",
        flavour=document["flavour"] if document["flavour"] != "auto" else None,
        protocol=document["protocol"],
        began_at=opened,
        ended_at=document["closed_at"],
        exit_status=document["exit_status"] or "",
        steps=document["budget"]["steps"],
        seconds=max((event["at"] + (event["seconds"] or 0.0) for event in events), default=opened) - opened,
        actions=actions(events),
        measures=tuple(measures(events, steps=limits["steps"], began_at=opened)),
        branched=document["branched"] or was_branched(events),
    )
    return Trajectory(attempt, events, submission=document["submission"])


def without_handle(attempt: Attempt) -> Attempt:
    """An attempt without its session's handle, wherever it is quoted: whoever has it may use the session."""
    if attempt.session is None:
        return attempt
    found = attempt.model_copy(update={"session": None})
    return Attempt.model_validate(_without(found.model_dump(), attempt.session))


def _redacted(trajectory: Trajectory, secret: str) -> Trajectory:
    return replace(
        trajectory,
        attempt=without_handle(trajectory.attempt),
        events=[_without(event, secret) for event in trajectory.events],
        messages=[Message.model_validate(_without(one.model_dump(), secret)) for one in trajectory.messages],
    )


def _without(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return value.replace(secret, REDACTED)
    if isinstance(value, dict):
        if value.keys() == {BINARY}:
            content = base64.b64decode(value[BINARY]).replace(secret.encode(), REDACTED.encode())
            return {BINARY: base64.b64encode(content).decode()}
        return {_without(name, secret): _without(item, secret) for name, item in value.items()}
    return [_without(item, secret) for item in value] if isinstance(value, list | tuple) else value


def read_json(file: Path) -> Any:
    """A JSON document.

    Raises:
        BadTrajectory: the file can't be read, or is none.
    """
    try:
        return _writable(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise BadTrajectory(f"{file} can't be read as JSON: {error}.") from None


def _writable(document: Any) -> Any:
    """A document without halves of characters, which JSON may hold and no file can."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
        return document
    except UnicodeEncodeError:
        return json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
