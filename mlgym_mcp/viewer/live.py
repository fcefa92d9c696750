"""Live pages: what changes is sent to whoever watches, as server-sent events, a few times a second.

The store says by a number whether anybody has written to it; only then is it read.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from mlgym_mcp.auth.credential import Refused
from mlgym_mcp.errors import SetupError, StoreError
from mlgym_mcp.sessions.principal import Scope
from mlgym_mcp.viewer.door import Door
from mlgym_mcp.viewer.page import NotHere
from mlgym_mcp.viewer.reading import Reading
from mlgym_mcp.viewer.watch import Change, Watch

MOST = 64
"""Pages that are watched at once."""
PAUSE = 0.25
"""Seconds between two looks whether anything was written."""
SHARE = 20
"""How many times as long as a look takes the pause after it is at least: whoever only watches takes no more."""
BEAT = 5.0
"""Seconds after which clocks are told anew, and the visitor's token is asked for once more."""
SCOPE: Scope = "attempt"
"""What it takes to watch."""
TOO_MANY = f"{MOST} pages are watched already; reload to see what is new."


class Live:
    """All watched pages of a viewer."""

    def __init__(self, reading: Reading, door: Door, over: Callable[[], bool]) -> None:
        """`over`: whether the server is ending."""
        self._reading = reading
        self._door = door
        self._over = over
        self._watched = 0

    async def answer(self, request: Request, watch: Watch) -> Response:
        """Send what changes, from now on, until the server or the visitor has had enough."""
        try:
            visitor = await self._door.visitor(request)
        except Refused as refusal:
            return PlainTextResponse(str(refusal), status_code=refusal.status)
        if (why := visitor.refusal(SCOPE)) is not None:
            return PlainTextResponse(why, status_code=403)
        if self._watched >= MOST:
            return PlainTextResponse(TOO_MANY, status_code=503, headers={"Retry-After": "30"})
        try:
            await self._reading.look(visitor, request.path_params, request.query_params, watch.allows)
        except NotHere as error:
            return PlainTextResponse(str(error), status_code=404)
        except (SetupError, StoreError) as error:
            return PlainTextResponse(str(error), status_code=503)
        return StreamingResponse(self._events(request, watch), media_type="text/event-stream")

    async def _events(self, request: Request, watch: Watch) -> AsyncIterator[str]:
        self._watched += 1
        try:
            async with aclosing(self._looks(request, watch)) as looks:
                async for changes in looks:
                    yield "".join(map(_event, changes)) + f"id: {watch.seen}\nevent: seen\ndata:\n\n"
        except (Refused, NotHere, SetupError, StoreError):
            return  # the browser comes back, and is told why
        finally:
            self._watched -= 1

    async def _looks(self, request: Request, watch: Watch) -> AsyncGenerator[list[Change]]:
        with self._reading.database() as database:
            visitor, written, known_at, next_at = None, None, 0.0, 0.0
            while not self._over():
                now = anyio.current_time()
                if visitor is None or now - known_at >= BEAT:
                    visitor, written, known_at = await self._door.visitor(request), None, now
                    if visitor.refusal(SCOPE) is not None:
                        return
                if now >= next_at and (found := database.changes) != written:
                    yield await self._reading.look(visitor, request.path_params, request.query_params, watch.look)
                    took = anyio.current_time() - now
                    written = None if watch.more else found
                    next_at = now + took + (0 if watch.more else min(SHARE * took, BEAT))
                await anyio.sleep(PAUSE)


def _event(change: Change) -> str:
    lines = "".join(f"data: {line}\n" for line in change.content.replace("\r", "\n").split("\n"))
    return f"event: {'drop' if change.gone else 'put'}\n{lines}\n"
