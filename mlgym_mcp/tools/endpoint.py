"""MCP over HTTP: one address, every protocol revision.

Answers are JSON where nothing has to be told before them, and event streams where progress is; the SDK decides that
for each call of the newest revision, and for the revisions with a handshake it always streams.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

MAX_BODY = 4 * 1024 * 1024
"""Bytes of one request."""


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """What callers may use of an endpoint."""

    connections: int
    """Connections of revisions with a handshake that are open at once; the newest revision has none."""
    idle_s: float
    """Seconds after which such a connection, unless it is listened to, is forgotten."""


@asynccontextmanager
async def open_endpoint(server: MCPServer[Any], names: Sequence[str], limits: EndpointLimits) -> AsyncIterator[ASGIApp]:
    """Serve a server's MCP over HTTP while the block runs.

    Args:
        server: What is served; once only.
        names: The host names that requests may call it by; none: any name.
        limits: What callers may use.
    """
    server.streamable_http_app(
        max_request_body_size=MAX_BODY,
        session_idle_timeout=limits.idle_s,
        max_sessions=limits.connections,
        transport_security=_security(names),
    )
    async with server.session_manager.run():
        yield server.session_manager.handle_request


def _security(names: Sequence[str]) -> TransportSecuritySettings:
    hosts = [host for name in names for host in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=bool(names), allowed_hosts=hosts, allowed_origins=origins
    )
