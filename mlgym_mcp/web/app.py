"""What the HTTP server answers at which address, and to whom.

`/mcp` offers everything, `/s/<session>/mcp` one session and nothing else, `/healthz` says that the server lives.
"""

from contextlib import suppress

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp import __version__, auth
from mlgym_mcp.sessions.principal import ANONYMOUS
from mlgym_mcp.tools.caller import Caller, calling

BEARER = "bearer"
"""The principal of whoever shows the server's token."""

UNAUTHORISED = JSONResponse(
    {"error": "This server needs its token: send the header `Authorization: Bearer <token>`."},
    status_code=401,
    headers={"WWW-Authenticate": 'Bearer realm="mlgym-mcp"'},
)


def make_app(everything: ASGIApp, one_session: ASGIApp, *, token_hash: str | None) -> ASGIApp:
    """The whole HTTP server.

    Args:
        everything: Speaks MCP to callers who may see all.
        one_session: Speaks MCP to callers whose address names a session.
        token_hash: Of the token that every caller must show; None lets all in, unknown.
    """
    return Starlette(
        routes=[
            Route("/healthz", _health, methods=["GET"]),
            Route("/mcp", Gate(everything, token_hash)),
            Route("/s/{session}/mcp", Gate(one_session, token_hash)),
        ]
    )


class Gate:
    """Lets in who shows the token, and makes known to what is behind it who that is."""

    def __init__(self, app: ASGIApp, token_hash: str | None) -> None:
        self._app = app
        self._token_hash = token_hash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        principal = self._principal(Headers(scope=scope).get("authorization", ""))
        if principal is None:
            await UNAUTHORISED(scope, receive, send)
            return
        with calling(Caller(principal, scope["path_params"].get("session"))), suppress(ClientDisconnect):
            await self._app(scope, receive, send)

    def _principal(self, authorization: str) -> str | None:
        if self._token_hash is None:
            return ANONYMOUS
        return BEARER if auth.matches(authorization, self._token_hash) else None


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
