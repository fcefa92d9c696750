"""An attempt's trajectory as a page: every event with what was asked and what came of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_clients.records.folder import Event
from mlgym_clients.records.message import Message
from mlgym_clients.trajectories.event import text
from mlgym_clients.visible import visible

WHOLE_PAGE = 4_000_000
"""Characters of all events together, so that a page of ten thousand opens at once."""
LEAST, MOST = 300, 6_000
"""Characters of one text of an event."""


@dataclass(frozen=True)
class Shown:
    """An event as it is shown."""

    kind: str
    title: str
    """The first line of what was asked."""
    asked: str
    came: str
    seconds: float
    step: int | None


def shown(events: Sequence[Event], steps: int) -> list[Shown]:
    """All events, their texts cut where there are many.

    Args:
        events: The session's.
        steps: What it was given to begin with.
    """
    limit = max(LEAST, min(MOST, WHOLE_PAGE // max(2 * len(events), 1)))
    return [_shown(event, steps, limit) for event in events]


def said(messages: Sequence[Message]) -> list[Shown]:
    """A conversation, message by message."""
    limit = max(LEAST, min(MOST, WHOLE_PAGE // max(2 * len(messages), 1)))
    return [_message(message, limit) for message in messages]


def _shown(event: Event, steps: int, limit: int) -> Shown:
    reply = event["reply"] or {}
    asked = _asked(event["kind"], event["request"])
    came = _came(event, reply)
    left = (reply.get("budget") or {}).get("steps")
    first = _first_line(asked)
    used = None if left is None else steps - left
    return Shown(event["kind"], first, visible(asked, limit), visible(came, limit), event["seconds"] or 0.0, used)


def _asked(kind: str, request: Mapping[str, Any]) -> str:
    if kind == "bash":
        return _text(request.get("command"))
    given = {name: value for name, value in request.items() if value is not None}
    if kind == "edit":
        head = f"{given.pop('command', '')} {given.pop('path', '')}"
        return "\n".join([head, *(f"{name}:\n{_text(value)}" for name, value in given.items())])
    return json.dumps(given, ensure_ascii=False) if given else kind


def _came(event: Event, reply: Mapping[str, Any]) -> str:
    if event["reply"] is None:
        return _text(event["error"])
    if "result" in reply and isinstance(reply["result"], dict):
        result = reply["result"]
        omitted = f"\n[… {result['omitted']} bytes left out …]\n" if result.get("omitted") else ""
        ended = "still running" if result.get("running") else f"exit {result.get('exit_code')}"
        return f"{_text(result.get('head'))}{omitted}{_text(result.get('tail'))}\n[{ended}]"
    if "outcome" in reply:
        score = reply.get("score") or {}
        figures = [f"{name} {value}" for name, value in (score.get("scores") or {}).items()]
        return "\n".join([reply["outcome"], *figures, *([_text(reply["fault"])] if reply.get("fault") else [])])
    if reply.get("snippet") is not None:
        return _text(reply["snippet"])
    if isinstance(reply.get("content"), dict):
        return _text(reply["content"].get("data"))
    return json.dumps(reply, ensure_ascii=False)


def _message(message: Message, limit: int) -> Shown:
    calls = "\n".join(f"→ {call.name} {json.dumps(call.arguments, ensure_ascii=False)}" for call in message.tool_calls)
    text = "\n".join(part for part in (message.thinking, message.content, calls) if part)
    return Shown(message.role, _first_line(text), visible(text, limit), "", 0.0, None)


def _first_line(text: str) -> str:
    return visible(text[:1000].strip().split("\n", 1)[0], 120)


def _text(value: Any) -> str:
    value = text(value)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
