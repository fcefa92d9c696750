"""Patience with requests: a body may take so long to arrive, and no longer."""

from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp.web.body import SlowBody, timely
from mlgym_mcp.web.wording import plainly

TOO_SLOW = JSONResponse(
    {"error": "The body of this request did not arrive in time; send it again."},
    status_code=408,
    headers={"Connection": "close"},
)


class Patient:
    """Waits for a request's body as long as it may take, and no longer."""

    def __init__(self, app: ASGIApp, body_time: float) -> None:
        self._app = app
        self._body_time = body_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            with suppress(ClientDisconnect):
                await self._app(scope, timely(receive, self._body_time), plainly(send))
        except SlowBody:
            await TOO_SLOW(scope, receive, send)
