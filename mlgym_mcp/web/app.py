"""What the HTTP server answers at which address, and to whom.

`/mcp` offers everything, `/s/<session>/mcp` one session and nothing else. Who shows a run token finds at `/mcp` its one
session. `/healthz` says that the server lives and `/readyz` whether it takes sessions, to everybody; why not is told,
like `/metrics`, to who operates it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, request_response
from starlette.types import ASGIApp

from mlgym_mcp import __version__
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.meter import Meter
from mlgym_mcp.web.body import BODY_TIME
from mlgym_mcp.web.gate import Gate
from mlgym_mcp.web.operations import Operations
from mlgym_mcp.web.patient import Patient
from mlgym_mcp.web.requests import Requests

NOTHING_HERE = JSONResponse(
    {"error": "There is nothing at this address; MCP is served at /mcp, and for one session at /s/<session>/mcp."},
    status_code=404,
)


@dataclass(frozen=True, slots=True)
class Behind:
    """What lies behind the addresses."""

    everything: ASGIApp
    """Speaks MCP to callers who may see all."""
    one_session: ASGIApp
    """Speaks MCP to callers whose address, or run token, names a session."""
    operations: Operations | None = None
    """Answers what the operator's programs ask, if it is served at all."""
    routes: Sequence[BaseRoute] = ()
    """What else is served, to everybody."""


def make_app(
    behind: Behind, doorkeeper: Doorkeeper, *, metadata: str | None = None, body_time: float = BODY_TIME
) -> ASGIApp:
    """The whole HTTP server.

    Args:
        behind: What is served.
        doorkeeper: Who is let in.
        metadata: The address that tells who gives tokens for this server.
        body_time: Seconds in which a request's body must arrive.
    """
    everything, one_session = Patient(behind.everything, body_time), Patient(behind.one_session, body_time)
    offered = {
        "/mcp": Gate(doorkeeper, everything, one_session, metadata),
        "/s/{session}/mcp": Gate(doorkeeper, one_session, metadata=metadata),
    }
    # With a slash at the end too: sent on to the address without, a client would go by plain HTTP from behind a proxy
    # that speaks TLS, and show a handle or the token to the whole way.
    places = [Route(place + end, gate) for place, gate in offered.items() for end in ("", "/")]
    operations = behind.operations
    for_operators = [] if operations is None else _operator_routes(operations, doorkeeper, metadata)
    app = Starlette(
        routes=[Route("/healthz", _health, methods=["GET"]), *for_operators, *behind.routes, *places],
        exception_handlers={404: _nothing_here},
    )
    app.router.redirect_slashes = False
    return Requests(app, Meter() if operations is None else operations.meter)


def _operator_routes(operations: Operations, doorkeeper: Doorkeeper, metadata: str | None) -> list[Route]:
    async def ready(request: Request) -> Response:
        in_full = await doorkeeper.operates(request.headers.get("authorization", ""))
        return await operations.readiness(in_full=in_full)

    async def figures(_: Request) -> Response:
        return operations.metrics()

    # Where no credential was ever set up, whoever reaches the server is on its machine.
    metrics = Gate(
        doorkeeper, request_response(figures), metadata=metadata, scope="operate" if doorkeeper.guards else None
    )
    return [Route("/readyz", ready, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


async def _nothing_here(request: Request, error: Exception) -> Response:
    return NOTHING_HERE


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})
