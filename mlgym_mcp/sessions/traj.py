"""MLGym's trajectory format: a session's calls as the steps of an agent.

What the server never sees is empty: thoughts, tokens, costs. Of a model's response all that is known is its action.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.record import BINARY
from mlgym_mcp.sessions.summary import figures
from mlgym_mcp.store import SessionRow

ENVIRONMENT = "mlgym_mcp"
AGENT = "main"
WORKSPACE = "/workspace"
NOT_THE_AGENTS = ("collected", "automatic")
"""Marks of events that an agent did not ask for: a score fetched later, and one of the end of a budget."""

Event = Mapping[str, Any]
"""An event with its request and reply as JSON values."""


def trajectory(row: SessionRow, events: Sequence[Event], scores: Sequence[Score]) -> dict[str, Any]:
    """A session in MLGym's format."""
    steps = _steps([event for event in events if not any(mark in event["request"] for mark in NOT_THE_AGENTS)])
    return {
        "environment": ENVIRONMENT,
        "trajectory": steps,
        "history": [message for step in steps for message in _messages(step)],
        "info": {
            "exit_status": row.exit_status,
            "submission": row.submission,
            "score": [score.scores for score in scores if score.outcome == "scored"],
            "model_stats": {
                "total_cost": None,
                "task_cost": None,
                "tokens_sent": None,
                "tokens_received": None,
                "api_calls": None,
            },
            # MLGym has no such words; they keep scores of different kinds apart.
            "task": row.task,
            "flavour": row.flavour,
            "protocol": row.protocol,
        },
    }


def _steps(events: Sequence[Event]) -> list[dict[str, Any]]:
    steps, folder = [], WORKSPACE
    for event in events:
        action = _action(event)
        folder = ((event["reply"] or {}).get("result") or {}).get("cwd") or folder
        steps.append(
            {
                "state": json.dumps({"open_file": "n/a", "working_dir": folder}),
                "response": action,
                "thought": "",
                "action": action,
                "execution_time": event["seconds"],
                "observation": _observation(event),
            }
        )
    return steps


def _messages(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = {"role": "assistant", "content": step["response"], "thought": "", "action": step["action"], "agent": AGENT}
    return [said, {"role": "user", "content": step["observation"], "agent": AGENT}]


def _action(event: Event) -> str:
    kind, request = event["kind"], event["request"]
    if kind == "bash":
        return str(request["command"])
    given = {name: value for name, value in request.items() if value is not None}
    return f"{kind} {json.dumps(given, ensure_ascii=False)}" if given else str(kind)


def _observation(event: Event) -> str:
    reply = event["reply"]
    if reply is None:
        return str(event["error"] or "")
    if event["kind"] in ("bash", "job"):
        return _output(reply["result"])
    if event["kind"] == "edit":
        return _edited(reply)
    return _score(reply) if "outcome" in reply else str(reply.get("text", ""))


def _output(result: Mapping[str, Any]) -> str:
    omitted = f"\n[{result['omitted']} bytes left out]\n" if result["omitted"] else ""
    return _text(result["head"]) + omitted + _text(result["tail"])


def _edited(reply: Mapping[str, Any]) -> str:
    if reply["content"] is not None:
        return _text(reply["content"]["data"])
    if reply["snippet"] is not None:
        return _text(reply["snippet"])
    return f"{reply['path']} is {'overwritten' if reply['overwrote'] else 'created'}."


def _score(reply: Mapping[str, Any]) -> str:
    score = reply["score"] or {}
    if reply["outcome"] == "scored":
        return "\n".join(figures(score["scores"], score["standard_error"], score["baseline"]))
    return f"{reply['outcome']}: {reply['fault']}" if reply["fault"] else str(reply["outcome"])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return base64.b64decode(value[BINARY]).decode("utf-8", "backslashreplace")
    return str(value)
