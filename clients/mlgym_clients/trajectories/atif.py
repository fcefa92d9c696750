"""The Agent Trajectory Interchange Format: what Harbor and the tools around it read and write."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from mlgym_clients.records.attempt import Attempt, Usage
from mlgym_clients.records.folder import Event
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.trajectories import atif_schema as atif
from mlgym_clients.trajectories.event import folder_after
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory
from mlgym_clients.trajectories.turns import Action, Turn, turns

EXTRA = "mlgym_mcp"
"""Where what the format has no word for is kept."""
LOSSES = (
    "the server's replies but for what was shown of them, the shell's folder and the exit status",
    r"bytes that are no UTF-8, which are written as \xNN",
    "arguments that are null, and those that a model left to their defaults",
    "events that no agent asked for",
)
ROLES: Mapping[str, Literal["system", "user", "agent"]] = {"system": "system", "user": "user", "assistant": "agent"}


def to_atif(trajectory: Trajectory, *, version: str, model: str | None = None) -> dict[str, Any]:
    """A trajectory in the format; an attempt in which nothing happened has one empty step."""
    attempt, usage = trajectory.attempt, trajectory.attempt.usage
    counted = usage.requests > 0
    told = turns(trajectory) or [Turn("user", at=0.0)]
    document = atif.Document(
        session_id=trajectory.name,
        agent=atif.Agent(name=attempt.agent, version=version, model_name=model),
        steps=tuple(_step(number, turn, attempt.began_at) for number, turn in enumerate(told, 1)),
        final_metrics=atif.FinalMetrics(
            total_prompt_tokens=usage.input_tokens if counted else None,
            total_completion_tokens=usage.output_tokens if counted else None,
            total_cached_tokens=usage.cached_tokens if counted else None,
            total_cost_usd=usage.cost,
            total_steps=len(told),
        ),
        extra={
            EXTRA: {
                "attempt": attempt.model_dump(mode="json", exclude={"session"}),
                "submission": trajectory.submission,
                "conversation": bool(trajectory.messages),
            }
        },
    )
    return document.model_dump(mode="json", exclude_none=True)


def from_atif(document: object, *, task: str, agent: str | None = None, number: int = 1) -> Trajectory:
    """A trajectory of the format. Its own names stand where it was not made here.

    Raises:
        BadTrajectory: it breaks the format's rules; says which.
    """
    try:
        read = atif.Document.model_validate(document)
        kept = (read.extra or {}).get(EXTRA) or {}
        attempt = Attempt.model_validate(kept.get("attempt") or _attempt(read, task))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise BadTrajectory(f"it breaks a rule of ATIF at {place}: {first['msg']}.") from None
    named = {"agent": agent or attempt.agent, "number": number, "state": "finished"}
    attempt = attempt.model_copy(update=named if "attempt" not in kept or agent else {})
    steps = [step for step in read.steps if step.message or step.tool_calls or len(read.steps) > 1]
    messages = (
        [one for step in steps for one in _messages(step, attempt.began_at)] if kept.get("conversation", True) else []
    )
    events = [one for step in steps for one in _events(step, attempt.began_at)]
    return Trajectory(attempt, events, messages, kept.get("submission"))


def _step(number: int, turn: Turn, began: float) -> atif.Step:
    calls = tuple(
        atif.ToolCall(tool_call_id=one.id, function_name=one.tool, arguments=one.arguments) for one in turn.actions
    )
    results = tuple(atif.Result(source_call_id=one.id, content=one.observation) for one in turn.actions)
    return atif.Step(
        step_id=number,
        timestamp=datetime.fromtimestamp(began + turn.at, UTC).isoformat(),
        source=ROLES[turn.role],
        message=turn.said,
        reasoning_content=turn.thought or None,
        tool_calls=calls or None,
        observation=atif.Observation(results=results) if results else None,
        metrics=_metrics(turn.usage) if turn.usage else None,
        extra={EXTRA: {"at": turn.at, "actions": [_facts(one) for one in turn.actions]}},
    )


def _facts(action: Action) -> dict[str, Any] | None:
    """What is known of an action besides; None of one that did nothing in the session."""
    event = action.event
    if event is None:
        return None
    result = (event["reply"] or {}).get("result") or {}
    return {
        "at": event["at"],
        "seconds": event["seconds"],
        "folder": folder_after(event),
        "exit_code": result.get("exit_code"),
        "failed": event["error"] is not None,
    }


def _metrics(usage: Usage) -> atif.Metrics:
    return atif.Metrics(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cost_usd=usage.cost,
        extra={"requests": usage.requests},
    )


def _attempt(read: atif.Document, task: str) -> dict[str, Any]:
    final = read.final_metrics or atif.FinalMetrics()
    stamps = [datetime.fromisoformat(step.timestamp).timestamp() for step in read.steps if step.timestamp]
    calls = [call for step in read.steps for call in step.tool_calls or ()]
    return {
        "task": task,
        "agent": read.agent.name,
        "number": 1,
        "began_at": stamps[0] if stamps else 0.0,
        "seconds": stamps[-1] - stamps[0] if stamps else 0.0,
        "steps": len(calls),
        "usage": {
            "requests": sum(step.source == "agent" for step in read.steps),
            "input_tokens": final.total_prompt_tokens or 0,
            "cached_tokens": final.total_cached_tokens or 0,
            "output_tokens": final.total_completion_tokens or 0,
            "cost": final.total_cost_usd,
        },
    }


def _messages(step: atif.Step, began: float) -> Iterator[Message]:
    at = _at(step, began)
    role: Literal["system", "user", "assistant"] = "assistant" if step.source == "agent" else step.source
    used = step.metrics
    yield Message(
        role=role,
        content=_text(step.message),
        thinking=step.reasoning_content or "",
        tool_calls=tuple(
            ToolCall(id=call.tool_call_id, name=call.function_name, arguments=call.arguments)
            for call in step.tool_calls or ()
        ),
        at=at,
        usage=_usage(used) if used else None,
    )
    for result in step.observation.results if step.observation else ():
        yield Message(role="tool", content=_text(result.content), tool_call_id=result.source_call_id, at=at)


def _usage(used: atif.Metrics) -> Usage:
    return Usage(
        requests=(used.extra or {}).get("requests", 1),
        input_tokens=used.prompt_tokens or 0,
        cached_tokens=used.cached_tokens or 0,
        output_tokens=used.completion_tokens or 0,
        cost=used.cost_usd,
    )


def _events(step: atif.Step, began: float) -> Iterator[Event]:
    calls: Sequence[atif.ToolCall] = step.tool_calls or ()
    results = {one.source_call_id: _text(one.content) for one in (step.observation.results if step.observation else ())}
    unknown = [{"at": began + _at(step, began), "seconds": 0.0}] * len(calls)
    known = ((step.extra or {}).get(EXTRA) or {}).get("actions", unknown)
    for call, facts in zip(calls, known, strict=True):
        if facts is None:
            continue
        shown, failed = results.get(call.tool_call_id, ""), facts.get("failed", False)
        shell = {"cwd": facts.get("folder"), "exit_code": facts.get("exit_code"), "running": False}
        result = {"head": shown, "tail": "", "omitted": 0, **shell}
        yield {
            "kind": call.function_name,
            "at": facts["at"],
            "seconds": facts["seconds"],
            "request": call.arguments,
            "reply": None
            if failed
            else ({"result": result} if call.function_name in ("bash", "job") else {"shown": shown}),
            "error": shown if failed else None,
        }


def _at(step: atif.Step, began: float) -> float:
    known = ((step.extra or {}).get(EXTRA) or {}).get("at")
    if known is not None or step.timestamp is None:
        return known or 0.0
    return max(0.0, datetime.fromisoformat(step.timestamp).timestamp() - began)


def _text(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """The text of a content; pictures of newer versions are passed over."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part.get("type") == "text")
