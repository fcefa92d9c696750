"""What the HTTP server answers at which address, and to whom.

`/mcp` offers everything, `/s/<session>/mcp` one session and nothing else, `/healthz` says that the server lives. Who
shows a run token finds at `/mcp` its one session.
"""

from collections.abc import Sequence
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp import __version__
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.web.body import BODY_TIME, SlowBody, timely
from mlgym_mcp.web.gate import Gate
from mlgym_mcp.web.wording import plainly

TOO_SLOW = JSONResponse(
    {"error": "The body of this request did not arrive in time; send it again."},
    status_code=408,
    headers={"Connection": "close"},
)
NOTHING_HERE = JSONResponse(
    {"error": "There is nothing at this address; MCP is served at /mcp, and for one session at /s/<session>/mcp."},
    status_code=404,
)


def make_app(
    everything: ASGIApp,
    one_session: ASGIApp,
    doorkeeper: Doorkeeper,
    *,
    metadata: str | None = None,
    routes: Sequence[BaseRoute] = (),
    body_time: float = BODY_TIME,
) -> ASGIApp:
    """The whole HTTP server.

    Args:
        everything: Speaks MCP to callers who may see all.
        one_session: Speaks MCP to callers whose address, or run token, names a session.
        doorkeeper: Who is let in.
        metadata: The address that tells who gives tokens for this server.
        routes: What else is served, to everybody.
        body_time: Seconds in which a request's body must arrive.
    """
    patient = Patient(everything, body_time), Patient(one_session, body_time)
    offered = {
        "/mcp": Gate(doorkeeper, *patient, metadata),
        "/s/{session}/mcp": Gate(doorkeeper, patient[1], metadata=metadata),
    }
    # With a slash at the end too: sent on to the address without, a client would go by plain HTTP from behind a proxy
    # that speaks TLS, and show a handle or the token to the whole way.
    places = [Route(place + end, gate) for place, gate in offered.items() for end in ("", "/")]
    app = Starlette(
        routes=[Route("/healthz", _health, methods=["GET"]), *routes, *places], exception_handlers={404: _nothing_here}
    )
    app.router.redirect_slashes = False
    return app


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


async def _nothing_here(request: Request, error: Exception) -> Response:
    return NOTHING_HERE


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
