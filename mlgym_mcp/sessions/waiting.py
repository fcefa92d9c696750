"""How a caller waits for an operation: told now and then how it stands, and free to leave."""

from collections.abc import Awaitable, Callable

import anyio

from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.operation import Operation

LastLine = Callable[[], Awaitable[str]]

NOTICE_LIMIT = 1.0
"""Seconds that a notice may hold the answer back, when the sandbox is slow to tell its last line."""


async def wait(
    operation: Operation[object], call: Call, *, pause: float, last_line: LastLine, limit: float | None = None
) -> bool:
    """Wait for the end, at most `limit` seconds, with a notice to the caller every `pause` seconds; whether it came."""
    began = anyio.current_time()
    until = began + limit if limit is not None else float("inf")
    while not operation.done:
        now = anyio.current_time()
        if now >= until:
            return False
        with anyio.move_on_at(min(now + pause, until)):
            await operation.ended()
        if call.notify is not None and not operation.done:
            with anyio.move_on_after(NOTICE_LIMIT):
                await call.notify(anyio.current_time() - began, await last_line())
    return True
