"""Events of run folders as they are shown: of our sessions as from the store, of elsewhere as far as they are known."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mlgym_mcp.store import Event
from mlgym_mcp.viewer import event as events
from mlgym_mcp.viewer.block import Cutting
from mlgym_mcp.viewer.event import ShownEvent

ORIGINAL = "mlgym"
"""Marks a command of MLGym's own tools among a request's arguments."""
UNKNOWN = "recorded"
"""No tool's name: told by nothing but what was asked and answered."""


def shown(
    document: Mapping[str, Any], number: int, steps: int, hidden: Callable[[str], str], cut: Cutting
) -> ShownEvent:
    """An event of a run's folder.

    Args:
        document: As sessions are exported: kind, at, seconds, request, reply, error.
        number: Which of its attempt's it is.
        steps: How many the attempt had.
        hidden: Takes what is secret out of a text.
        cut: How what is long is cut.
    """
    if _is_whole(document):
        return events.show(_event(document, number), number, steps, hidden, cut)
    # Of an imported trajectory less is known than of a session.
    told = {"kind": UNKNOWN, "reply": {"text": _text(document.get("reply"))}}
    found = events.show(_event({**document, **told}, number), number, steps, hidden, cut)
    return replace(found, kind=str(document.get("kind")))


def _is_whole(document: Mapping[str, Any]) -> bool:
    """Whether it has the form of an event of ours, as far as its kind says more than its answer."""
    reply, request = document.get("reply"), document.get("request")
    if reply is None:
        return True
    if not isinstance(reply, dict) or not isinstance(request, dict) or ORIGINAL in request:
        return False
    return "result" not in reply or (isinstance(reply["result"], dict) and "exit_code" in reply["result"])


def _event(document: Mapping[str, Any], number: int) -> Event:
    reply, request = document.get("reply"), document.get("request")
    return Event(
        id=number,
        session="",
        kind=str(document.get("kind")),
        key=None,
        at=float(document.get("at") or 0.0),
        request=json.dumps(request if isinstance(request, dict) else {}),
        seconds=float(document.get("seconds") or 0.0),
        reply=None if reply is None else json.dumps(reply),
        error=document.get("error"),
    )


def _text(reply: Any) -> str:
    """What an answer says, by the first of the places where it may stand."""
    found = reply if isinstance(reply, dict) else {"shown": reply}
    result = found.get("result")
    given = found.get("shown") or found.get("snippet") or (result.get("head") if isinstance(result, dict) else None)
    return given if isinstance(given, str) else json.dumps(reply, ensure_ascii=False)
