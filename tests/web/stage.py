"""A real HTTP server on loopback that stands on fakes, and its clients."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mlgym_clients.server import bearer

from mlgym_mcp.server import open_web
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.store import AuditLog, Tokens
from mlgym_mcp.web import address
from mlgym_mcp.web.serving import serving
from tests.fakes import World
from tests.tools.stage import Era, services_of, settings_of

TOKEN = "a-token-that-nobody-can-guess"
MODERN = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Site:
    """A server's address, and ways to reach it."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def client(self, *, era: Era = "auto", session: str | None = None) -> AsyncIterator[Client]:
        """An MCP client of everything, or of the one session whose address it uses."""
        place = f"{self.url}/s/{session}/mcp" if session else f"{self.url}/mcp"
        async with self.raw() as http:
            async with Client(streamable_http_client(place, http_client=http), mode=era) as client:
                yield client

    def raw(self) -> httpx2.AsyncClient:
        """A client that speaks HTTP alone."""
        # Reading the machine's certificates, of no use here, would take longer than all the rest.
        return httpx2.AsyncClient(base_url=self.url, headers=self.headers, timeout=30, verify=False)


def call(tool: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body and headers of a tool call of the newest revision."""
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    headers = {**MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers


@asynccontextmanager
async def site(
    world: World,
    *,
    token: str | None = None,
    drain: Drain | None = None,
    errors: Sequence[Exception] = (),
    **settings: Any,
) -> AsyncIterator[Site]:
    """A server over HTTP on the world's folder, while the block runs; opening what it stands on fails of `errors`."""
    chosen = settings_of(world, token=token, **settings)
    with address.listen("127.0.0.1", 0) as listener:
        opening = open_web(chosen, services_of(world, errors), drain, now=world.clock.now)
        async with opening as app, serving(app, listener):
            yield Site(address.url(listener), bearer(token) if token else {})


def token_of(world: World, principal: str, *scopes: str, **more: Any) -> str:
    """A stored token, with the scopes that the command line gives unless others are named."""
    with Tokens.open(world.folder / "data") as tokens:
        return tokens.add(principal, scopes or ("read", "attempt"), now=world.clock.now(), **more)[0]


def shown(served: Site, token: str) -> Site:
    """The same server, for who shows this token."""
    return Site(served.url, bearer(token))


def audited(world: World) -> list[dict[str, Any]]:
    """What the audit log has."""
    return [dict(line) for line in AuditLog(world.folder / "data").lines()]


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
