"""What the HTTP server answers at which address, and to whom.

`/mcp` offers everything, `/s/<session>/mcp` one session and nothing else, `/healthz` says that the server lives.
"""

from contextlib import suppress

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp import __version__, auth
from mlgym_mcp.sessions.principal import ANONYMOUS
from mlgym_mcp.tools.caller import Caller, calling
from mlgym_mcp.web.body import BODY_TIME, SlowBody, timely
from mlgym_mcp.web.wording import plainly

BEARER = "bearer"
"""The principal of whoever shows the server's token."""

UNAUTHORISED = JSONResponse(
    {"error": "This server needs its token: send the header `Authorization: Bearer <token>`."},
    status_code=401,
    headers={"WWW-Authenticate": 'Bearer realm="mlgym-mcp"'},
)
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
    everything: ASGIApp, one_session: ASGIApp, *, token_hash: str | None, body_time: float = BODY_TIME
) -> ASGIApp:
    """The whole HTTP server.

    Args:
        everything: Speaks MCP to callers who may see all.
        one_session: Speaks MCP to callers whose address names a session.
        token_hash: Of the token that every caller must show; None lets all in, unknown.
        body_time: Seconds in which a request's body must arrive.
    """
    offered = {"/mcp": everything, "/s/{session}/mcp": one_session}
    # With a slash at the end too: sent on to the address without, a client would go by plain HTTP from behind a proxy
    # that speaks TLS, and show a handle or the token to the whole way.
    gates = {place: Gate(behind, token_hash, body_time) for place, behind in offered.items()}
    places = [Route(place + end, gate) for place, gate in gates.items() for end in ("", "/")]
    app = Starlette(
        routes=[Route("/healthz", _health, methods=["GET"]), *places], exception_handlers={404: _nothing_here}
    )
    app.router.redirect_slashes = False
    return app


class Gate:
    """Lets in who shows the token, and makes known to what is behind it who that is."""

    def __init__(self, app: ASGIApp, token_hash: str | None, body_time: float) -> None:
        self._app = app
        self._token_hash = token_hash
        self._body_time = body_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        principal = self._principal(Headers(scope=scope).get("authorization", ""))
        if principal is None:
            await UNAUTHORISED(scope, receive, send)
            return
        caller = Caller(principal, scope["path_params"].get("session"))
        try:
            with calling(caller), suppress(ClientDisconnect):
                await self._app(scope, timely(receive, self._body_time), plainly(send))
        except SlowBody:
            await TOO_SLOW(scope, receive, send)

    def _principal(self, authorization: str) -> str | None:
        if self._token_hash is None:
            return ANONYMOUS
        return BEARER if auth.matches(authorization, self._token_hash) else None


async def _nothing_here(request: Request, error: Exception) -> Response:
    return NOTHING_HERE


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
