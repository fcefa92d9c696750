"""Which outputs of tools a model is shown again."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelRequestPart, ToolReturnContent, ToolReturnPart


def shown(messages: Sequence[ModelMessage], *, keep: int | None, batch: int) -> list[ModelMessage]:
    """A conversation as it is sent: what tools printed in older turns is left out, their calls and all else stay.

    Args:
        messages: The whole conversation.
        keep: So many turns' outputs are in full, at least; None: all.
        batch: So many turns' outputs are left out at once. What is sent changes its beginning only then.
    """
    turns = [place for place, message in enumerate(messages) if _has_output(message)]
    if keep is None:
        return list(messages)
    old = set(turns[: max(0, len(turns) - keep) // batch * batch])
    return [_without_output(message) if place in old else message for place, message in enumerate(messages)]


def _has_output(message: ModelMessage) -> bool:
    return isinstance(message, ModelRequest) and any(isinstance(part, ToolReturnPart) for part in message.parts)


def _without_output(message: ModelMessage) -> ModelMessage:
    assert isinstance(message, ModelRequest)
    return replace(message, parts=[_shortened(part) for part in message.parts])


def _shortened(part: ModelRequestPart) -> ModelRequestPart:
    if not isinstance(part, ToolReturnPart):
        return part
    content = f"(old output left out, {_lines(part.content)} lines)"
    return ToolReturnPart(part.tool_name, content, part.tool_call_id, timestamp=part.timestamp, outcome=part.outcome)


def _lines(content: ToolReturnContent) -> int:
    blocks = content if isinstance(content, list) else [content]
    return sum(len(block.splitlines()) for block in blocks if isinstance(block, str))
