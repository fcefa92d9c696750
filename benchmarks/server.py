"""The server that is measured: the real one, with two tools more. Started by `serving`.

`noop` does nothing: the price of MCP itself. `vitals` counts what the process holds.
"""

import gc
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

import anyio
import pretence
from kernel import malloced, open_files, pss, sqlite_memory
from starlette.types import ASGIApp

from mlgym_mcp import log, stdio
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.server import open_server
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.settings import Settings
from mlgym_mcp.tools.endpoint import EndpointLimits, open_endpoint
from mlgym_mcp.tools.resources import TaskServer
from mlgym_mcp.web import address, serving
from mlgym_mcp.web.app import Behind, make_app
from mlgym_mcp.web.metrics import Metrics
from mlgym_mcp.web.operations import Operations


class Vitals(TypedDict):
    """What the server's process holds. Memory in bytes."""

    tasks: int
    names: list[str]
    """Of the tasks."""
    threads: int
    files: int
    memory: int
    """PSS: what the kernel gave it, and is slow to get back."""
    blocks: int
    """Pieces of memory that Python's own allocator has handed out."""
    malloced: int
    """What C's has handed out, to Python too where a piece is larger; without SQLite's."""
    sqlite: int
    """What SQLite has: it fills its cache of pages as its database grows."""


def main() -> None:
    """Serve as the environment says: over HTTP with `http`, else on stdin and stdout."""
    settings = Settings.load({"log_level": "warning"})
    log.configure(settings.log_level)
    if sys.argv[1:] == ["http"]:
        serve_http(settings)
    else:
        serve_stdio(settings)


def serve_stdio(settings: Settings) -> None:
    """Be the server that a client starts."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[Callable[[], Awaitable[None]]]:
        async with open_server(settings) as server:
            add_tools(server)
            yield server.run_stdio_async

    stdio.run(opening)


def serve_http(settings: Settings) -> None:
    """Be the server that many clients use."""
    limits = EndpointLimits(settings.max_connections, settings.connection_idle)
    with address.listen(settings.host, 0) as listener:

        @asynccontextmanager
        async def opening() -> AsyncIterator[ASGIApp]:
            metrics, drain = Metrics(), Drain()
            over = pretence.open_services if settings.sandbox == "fake" else None
            async with open_server(settings, over, metrics, drain) as server:
                add_tools(server)
                operations = Operations(server.desk.manager, metrics, drain)
                async with open_endpoint(server, address.names(settings.host, ()), limits) as endpoint:
                    print(f"{address.url(listener)}/mcp", flush=True)
                    yield make_app(Behind(endpoint, endpoint, operations), Doorkeeper())

        serving.run(opening, listener)


def add_tools(server: TaskServer) -> None:
    """Give a server the tools that benchmarks need."""

    async def noop() -> str:
        return ""

    async def vitals() -> Vitals:
        gc.collect()
        tasks = anyio.get_running_tasks()
        return Vitals(
            tasks=len(tasks),
            names=[str(task.name) for task in tasks],
            threads=threading.active_count(),
            files=open_files(),
            memory=pss(Path("/proc/self")),
            blocks=sys.getallocatedblocks(),
            malloced=malloced() - sqlite_memory(),
            sqlite=sqlite_memory(),
        )

    server.add_tool(noop, structured_output=False)
    server.add_tool(vitals)


if __name__ == "__main__":
    main()
