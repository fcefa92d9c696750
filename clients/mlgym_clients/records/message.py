"""A conversation with a model, message by message, in the chat format that providers and trainers share."""

from typing import Any, Literal

from pydantic import Field

from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.record import Record


class ToolCall(Record):
    """A model's wish to call a tool."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Message(Record):
    """One message. A `tool` message answers the call that `tool_call_id` names."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    thinking: str = ""
    """What a model reasoned before it answered, where its provider tells."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    at: float = 0.0
    """Seconds since the attempt began."""
    usage: Usage | None = None
    """Of an assistant's message."""
