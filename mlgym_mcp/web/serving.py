"""The process that serves over HTTP: it ends soon after a signal, and what its sessions do goes on by their leases."""

import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import TypeAlias

import anyio
import uvicorn
from starlette.types import ASGIApp

from mlgym_mcp.web.address import BACKLOG
from mlgym_mcp.web.connection import Connection, most_connections

EXIT_GRACE = 1
"""Seconds that requests in flight get to end after a signal; the work they wait for belongs to sessions."""
KEEP_ALIVE = 75
"""Seconds that a connection stays open without a request; agents think for long between two."""

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[ASGIApp]]


def run(opening: Opening, listener: socket.socket, *, end_with_stdin: bool = False) -> None:
    """Serve the app that `opening` yields until a signal arrives, or, if asked for, standard input ends."""
    if end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    anyio.run(_run, opening, listener)


async def _run(opening: Opening, listener: socket.socket) -> None:
    async with opening() as app, serving(app, listener):
        await _signal()


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, keep_alive: int = KEEP_ALIVE, most: int | None = None
) -> AsyncIterator[None]:
    """Serve while the block runs; requests in flight at its end get a moment to end too.

    Args:
        app: What answers.
        listener: Where requests come in.
        keep_alive: Seconds that a connection stays open without a request.
        most: How many connections there may be; None: as many as this process can afford.
    """
    connection = partial(Connection, most=most_connections() if most is None else most)
    config = uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]  # called as a class is
        log_config=None,
        access_log=False,  # addresses name sessions
        backlog=BACKLOG,  # as many are taken at once, before any can be turned away
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=EXIT_GRACE,
    )
    server = _Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(server.serve, sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _end_with_stdin() -> None:
    # Not by sys.stdin: its lock, held by a thread that is never joined, would abort the interpreter's end.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _signal() -> None:
    if sys.platform == "win32":  # none reaches an event loop there; the default action ends the process
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            return
