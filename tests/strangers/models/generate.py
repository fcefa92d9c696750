"""Google's Gemini API, as far as Gemini CLI uses it."""

import re
from collections.abc import Iterator
from typing import Any

from tests.strangers.models.endpoint import Event, Wire
from tests.strangers.models.script import Request, Turn

MODEL = "gemini-2.5-pro"


def read(body: dict[str, Any]) -> Request:
    """What a request's body asks."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    return Request(
        offered=tuple(
            re.sub("^mcp_([^_]+)_", r"mcp__\1__", function["name"])
            for tool in body.get("tools", ())
            for function in tool.get("functionDeclarations", ())
        ),
        results=tuple(
            str(part["functionResponse"]["response"].get("output", part["functionResponse"]["response"]))
            for part in parts
            if "functionResponse" in part
        ),
    )


def answer(turn: Turn) -> dict[str, Any]:
    """A whole answer."""
    part = (
        {"text": turn.text}
        if turn.tool is None
        else {"functionCall": {"name": turn.tool.replace("__", "_"), "args": dict(turn.arguments)}}
    )
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
        "modelVersion": MODEL,
    }


def events(turn: Turn) -> Iterator[Event]:
    """The same answer, all at once."""
    yield "", answer(turn)


GENERATE = Wire("/v1beta/models/{call:path}", read, answer, events)
