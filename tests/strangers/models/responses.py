"""OpenAI's Responses API, as far as Codex uses it."""

import json
from collections.abc import Iterator
from typing import Any

from tests.strangers.models.endpoint import Event, Wire
from tests.strangers.models.script import Request, Turn


def read(body: dict[str, Any]) -> Request:
    """What a request's body asks."""
    return Request(
        offered=tuple(name for tool in body.get("tools", ()) for name in _names(tool)),
        results=tuple(_text(item["output"]) for item in body["input"] if item.get("type") == "function_call_output"),
    )


def answer(turn: Turn) -> dict[str, Any]:
    """A whole answer."""
    return {
        "id": f"resp_{turn.number}",
        "object": "response",
        "status": "completed",
        "model": "scripted",
        "output": [_item(turn)],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    }


def events(turn: Turn) -> Iterator[Event]:
    """The same answer, bit by bit."""
    whole = answer(turn)
    item = whole["output"][0]
    yield "response.created", {"response": {**whole, "status": "in_progress", "output": []}}
    yield "response.output_item.added", {"output_index": 0, "item": item}
    yield "response.output_item.done", {"output_index": 0, "item": item}
    yield "response.completed", {"response": whole}


RESPONSES = Wire("/v1/responses", read, answer, events)


def _item(turn: Turn) -> dict[str, Any]:
    if turn.tool is None:
        content = {"type": "output_text", "text": turn.text, "annotations": []}
        return {"type": "message", "id": f"item_{turn.number}", "role": "assistant", "content": [content]}
    namespace, _, name = turn.tool.rpartition("__")
    call = {"type": "function_call", "id": f"item_{turn.number}", "call_id": f"call_{turn.number}", "name": name}
    return {**call, "arguments": json.dumps(turn.arguments), **({"namespace": namespace} if namespace else {})}


def _names(tool: dict[str, Any]) -> Iterator[str]:
    if tool["type"] == "namespace":
        yield from (f"{tool['name']}__{inner['name']}" for inner in tool["tools"])
    else:
        yield tool.get("name", tool["type"])


def _text(output: str | list[dict[str, Any]]) -> str:
    return output if isinstance(output, str) else "\n".join(block.get("text", "") for block in output)
