"""Messages on stdin and stdout. The SDK passes over a line that it can't read, and whoever asked would wait in vain."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import ObjectSendStream
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError
from pydantic import ValidationError

Item = SessionMessage | Exception
Answer = Callable[[SessionMessage], Awaitable[None]]

UNREADABLE = (
    "This is no request of JSON-RPC 2.0 that can be read: `jsonrpc`, `method`, `id` and perhaps an object `params`; "
    "texts of whole characters, no halves of a surrogate pair, and numbers of a usual size."
)


async def serve_lines(server: Server[Any]) -> None:
    """Serve until the input ends. A request that can't be read is refused, as far as its id can be."""
    async with stdio_server() as (lines, answers), anyio.create_task_group() as tasks:
        passed_on, messages = anyio.create_memory_object_stream[Item](0)
        tasks.start_soon(_pass_on, lines, passed_on, answers.send)
        await server.run(messages, answers, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _pass_on(lines: AsyncIterator[Item], readable: ObjectSendStream[Item], answer: Answer) -> None:
    async with readable:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for item in lines:
                if isinstance(item, ValidationError) and (asked := _id(item)) is not None:
                    refusal = ErrorData(code=INVALID_REQUEST, message=UNREADABLE)
                    await answer(SessionMessage(JSONRPCError(jsonrpc="2.0", id=asked, error=refusal)))
                else:
                    await readable.send(item)


def _id(error: ValidationError) -> int | str | None:
    """The id of the request that is no message; None where it has none that an answer could carry."""
    for found in error.errors(include_url=False, include_context=False):
        with suppress(ValueError, RecursionError):
            message = json.loads(found["input"].lstrip("\ufeff")) if found["type"] == "json_invalid" else found["input"]
            if isinstance(message, dict) and "method" in message:
                asked = message.get("id")
                return asked if type(asked) is int or (isinstance(asked, str) and asked.encode()) else None
    return None
