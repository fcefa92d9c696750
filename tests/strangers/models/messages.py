"""Anthropic's Messages API, as far as Claude Code uses it."""

import json
from collections.abc import Iterator
from typing import Any

from tests.strangers.models.endpoint import Event, Wire
from tests.strangers.models.script import Request, Turn

USAGE = {"input_tokens": 1, "output_tokens": 1}


def read(body: dict[str, Any]) -> Request:
    """What a request's body asks."""
    blocks = [block for message in body["messages"] for block in _blocks(message["content"])]
    return Request(
        offered=tuple(tool["name"] for tool in body.get("tools", ())),
        results=tuple(_text(block.get("content", "")) for block in blocks if block["type"] == "tool_result"),
    )


def answer(turn: Turn) -> dict[str, Any]:
    """A whole answer."""
    block = (
        {"type": "text", "text": turn.text}
        if turn.tool is None
        else {"type": "tool_use", "id": f"toolu_{turn.number}", "name": turn.tool, "input": turn.arguments}
    )
    reason = "end_turn" if turn.tool is None else "tool_use"
    return {**_message(turn), "content": [block], "stop_reason": reason}


def events(turn: Turn) -> Iterator[Event]:
    """The same answer, bit by bit."""
    whole = answer(turn)
    block = whole["content"][0]
    if turn.tool is None:
        opening, delta = {**block, "text": ""}, {"type": "text_delta", "text": turn.text}
    else:
        opening = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(turn.arguments)}
    yield "message_start", {"message": _message(turn)}
    yield "content_block_start", {"index": 0, "content_block": opening}
    yield "content_block_delta", {"index": 0, "delta": delta}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {"delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}, "usage": USAGE}
    yield "message_stop", {}


MESSAGES = Wire("/v1/messages", read, answer, events)


def _message(turn: Turn) -> dict[str, Any]:
    return {
        "id": f"msg_{turn.number}",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    }


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [] if isinstance(content, str) else content


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content)
