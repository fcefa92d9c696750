"""OpenAI's Chat Completions API, as far as those use it that are like OpenAI's. Nothing is streamed."""

import json
from collections.abc import Iterator
from typing import Any

from starlette.responses import JSONResponse

from tests.strangers.models.endpoint import Event, Wire
from tests.strangers.models.script import Request, Turn

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "prompt_tokens_details": {"cached_tokens": 40},
}


def read(body: dict[str, Any]) -> Request:
    """What a request's body asks."""
    return Request(
        offered=tuple(tool["function"]["name"] for tool in body.get("tools", ())),
        results=tuple(message["content"] for message in body["messages"] if message["role"] == "tool"),
    )


def answer(turn: Turn) -> dict[str, Any]:
    """A whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.tool is not None:
        function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
        message["tool_calls"] = [{"id": f"call_{turn.number}", "type": "function", "function": function}]
    reason = "stop" if turn.tool is None else "tool_calls"
    return {
        "id": f"chatcmpl_{turn.number}",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": USAGE,
    }


def failure(status: int, code: str) -> JSONResponse:
    """An answer that is none; it may be asked for again at once."""
    return JSONResponse({"error": {"message": code, "code": code, "type": code}}, status, {"retry-after-ms": "1"})


def events(turn: Turn) -> Iterator[Event]:
    """Nobody has asked for them yet."""
    raise NotImplementedError


COMPLETIONS = Wire("/v1/chat/completions", read, answer, events)
