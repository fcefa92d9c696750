"""Chat format for fine-tuning: one conversation a line, as providers and trainers share it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgym_clients.records.malformed import MALFORMED, wrong_with
from mlgym_clients.records.message import Message, ToolCall
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory
from mlgym_clients.trajectories.turns import turns

LOSSES = (
    "everything but the conversation: scores, times, steps, tokens, costs and the session's own records",
    "what a model reasoned before it answered",
)
UNTOLD = "Work on the task {task} with the tools you have, then submit."
"""Asked in place of a prompt where none was kept."""

Line = dict[str, Any]


def to_chat(trajectory: Trajectory, tools: Sequence[Mapping[str, Any]] = ()) -> Line:
    """A trajectory's conversation; where none was kept, what was done is told as one.

    Args:
        trajectory: What to tell.
        tools: The tools' schemas as a server lists them, to be told besides.
    """
    said = [_written(message) for message in trajectory.messages] or list(_told(trajectory))
    return {"messages": said, **({"tools": [_schema(tool) for tool in tools]} if tools else {})}


def from_chat(line: Line) -> list[Message]:
    """The conversation of a line.

    Raises:
        BadTrajectory: it is none.
    """
    try:
        return [_read(message) for message in line["messages"]]
    except MALFORMED as error:
        raise BadTrajectory(f"it is no conversation: {wrong_with(error)}.") from None


def _written(message: Message) -> Line:
    written: Line = {"role": message.role, "content": message.content}
    if message.tool_calls:
        written["tool_calls"] = [_call(call.id, call.name, call.arguments) for call in message.tool_calls]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _call(name: str, tool: str, arguments: Mapping[str, Any]) -> Line:
    function = {"name": tool, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": name, "type": "function", "function": function}


def _told(trajectory: Trajectory) -> Iterator[Line]:
    yield {"role": "user", "content": UNTOLD.format(task=trajectory.attempt.task)}
    for turn in turns(trajectory):
        calls = [_call(action.id, action.tool, action.arguments) for action in turn.actions]
        yield {"role": "assistant", "content": "", "tool_calls": calls}
        for action in turn.actions:
            yield {"role": "tool", "content": action.observation, "tool_call_id": action.id}


def _read(message: Mapping[str, Any]) -> Message:
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", ())
    )
    return Message(
        role=message["role"],
        content=message["content"] or "",
        tool_calls=calls,
        tool_call_id=message.get("tool_call_id"),
    )


def _schema(tool: Mapping[str, Any]) -> Line:
    """A tool as an agent has it, whose session is known without being named."""
    parameters = dict(tool["inputSchema"])
    parameters["properties"] = {
        name: one for name, one in parameters.get("properties", {}).items() if name != "session"
    }
    function = {"name": tool["name"], "description": tool.get("description") or "", "parameters": parameters}
    return {"type": "function", "function": function}
