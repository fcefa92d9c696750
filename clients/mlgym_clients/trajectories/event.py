"""An event of a session as text: what was done, and what was seen of it, in the words of MLGym's format.

The server's own export says the same in the same words.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlgym_clients.records.folder import Event

BINARY = "$base64"
"""The key of an object that stands for bytes which are no UTF-8."""
WORKSPACE = "/workspace"
NOT_THE_AGENTS = ("collected", "automatic")
"""Marks of events that no agent asked for: a score fetched later, and one of the end of a budget."""
ORIGINAL = "mlgym"
"""Marks a command of MLGym's own tools among a request's arguments, with the state it was given in."""
OUTPUTS = ("bash", "job")
VERDICTS = ("validate", "submit")


def of_the_agent(events: Iterable[Event]) -> Iterator[Event]:
    """The events that an agent asked for."""
    return (event for event in events if not any(mark in event["request"] for mark in NOT_THE_AGENTS))


def arguments(event: Event) -> dict[str, Any]:
    """What the tool was called with."""
    return {name: text(value) for name, value in event["request"].items() if value is not None}


def action(event: Event) -> str:
    """What was done: a command as it is, any other call with its arguments as JSON."""
    kind, given = event["kind"], {name: value for name, value in event["request"].items() if value is not None}
    if kind == "bash" or ORIGINAL in given:
        return str(given["command"])
    return f"{kind} {json.dumps(given, ensure_ascii=False)}" if given else str(kind)


def observation(event: Event) -> str:
    """What was seen of it."""
    reply = event["reply"]
    if reply is None:
        return str(event["error"] or "")
    if "shown" in reply:
        return str(reply["shown"])
    if event["kind"] in OUTPUTS:
        return output(reply["result"])
    if event["kind"] == "edit":
        return _edited(reply)
    return _score(reply) if "outcome" in reply else ""


def folder_after(event: Event) -> str | None:
    """The shell's folder once it was done, where it is known."""
    return ((event["reply"] or {}).get("result") or {}).get("cwd") or None


def output(result: Mapping[str, Any]) -> str:
    """What a command printed, as far as it was kept."""
    omitted = f"\n[{result['omitted']} bytes left out]\n" if result["omitted"] else ""
    return f"{text(result['head'])}{omitted}{text(result['tail'])}"


def text(value: Any) -> Any:
    r"""A value with bytes that are no UTF-8 as \xNN."""
    if isinstance(value, dict) and value.keys() == {BINARY}:
        return base64.b64decode(value[BINARY]).decode("utf-8", "backslashreplace")
    return value


def _edited(reply: Mapping[str, Any]) -> str:
    if reply["content"] is not None:
        return str(text(reply["content"]["data"]))
    if reply["snippet"] is not None:
        return str(text(reply["snippet"]))
    return f"{reply['path']} is {'overwritten' if reply['overwrote'] else 'created'}."


def _score(reply: Mapping[str, Any]) -> str:
    score = reply["score"] or {}
    if reply["outcome"] == "scored":
        return "\n".join(_figure(name, score) for name in score["scores"])
    return f"{reply['outcome']}: {reply['fault']}" if reply["fault"] else str(reply["outcome"])


def _figure(name: str, score: Mapping[str, Any]) -> str:
    error, baseline = score["standard_error"].get(name), score["baseline"].get(name)
    uncertain = "" if error is None else f" ± {error:.2g}"
    beside = "" if baseline is None else f" (baseline {baseline:.6g})"
    return f"{name} {score['scores'][name]:.6g}{uncertain}{beside}"
