"""What the HTTP server answers at which address, and to whom.

`/mcp` offers everything, `/s/<session>/mcp` one session and nothing else. `/healthz` says that the server lives and
`/readyz` whether it takes sessions, to everybody; why not is told, like `/metrics`, to who may call its tools.
"""

from contextlib import suppress

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp import __version__, auth
from mlgym_mcp.meter import Meter
from mlgym_mcp.sessions.principal import ANONYMOUS
from mlgym_mcp.tools.caller import Caller, calling
from mlgym_mcp.web.body import BODY_TIME, SlowBody, timely
from mlgym_mcp.web.operations import Operations
from mlgym_mcp.web.requests import Requests

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
    everything: ASGIApp,
    one_session: ASGIApp,
    *,
    token_hash: str | None,
    body_time: float = BODY_TIME,
    operations: Operations | None = None,
) -> ASGIApp:
    """The whole HTTP server.

    Args:
        everything: Speaks MCP to callers who may see all.
        one_session: Speaks MCP to callers whose address names a session.
        token_hash: Of the token that every caller must show; None lets all in, unknown.
        body_time: Seconds in which a request's body must arrive.
        operations: Answers what the operator's programs ask, if it is served at all.
    """
    offered = {"/mcp": everything, "/s/{session}/mcp": one_session}
    # With a slash at the end too: sent on to the address without, a client would go by plain HTTP from behind a proxy
    # that speaks TLS, and show a handle or the token to the whole way.
    gates = {place: Gate(behind, token_hash, body_time) for place, behind in offered.items()}
    places = [Route(place + end, gate) for place, gate in gates.items() for end in ("", "/")]
    for_operators = [] if operations is None else _operator_routes(operations, gates["/mcp"])
    app = Starlette(
        routes=[Route("/healthz", _health, methods=["GET"]), *for_operators, *places],
        exception_handlers={404: _nothing_here},
    )
    app.router.redirect_slashes = False
    return Requests(app, Meter() if operations is None else operations.meter)


def _operator_routes(operations: Operations, gate: "Gate") -> list[Route]:
    async def ready(request: Request) -> Response:
        return await operations.readiness(in_full=gate.admits(request.headers))

    async def metrics(request: Request) -> Response:
        return operations.metrics() if gate.admits(request.headers) else UNAUTHORISED

    return [Route("/readyz", ready, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


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
                await self._app(scope, timely(receive, self._body_time), send)
        except SlowBody:
            await TOO_SLOW(scope, receive, send)

    def admits(self, headers: Headers) -> bool:
        """Whether who sends these headers may ask what an operator asks."""
        return self._principal(headers.get("authorization", "")) is not None

    def _principal(self, authorization: str) -> str | None:
        if self._token_hash is None:
            return ANONYMOUS
        return BEARER if auth.matches(authorization, self._token_hash) else None


async def _nothing_here(request: Request, error: Exception) -> Response:
    return NOTHING_HERE


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
