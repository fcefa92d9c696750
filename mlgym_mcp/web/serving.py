"""The process that serves over HTTP: it ends soon after a signal, and what its sessions do goes on by their leases.

SIGTERM is a request to end in good order, where the server is given time for it: what goes on is waited for first. Any
other signal, and a second one, ends it at once.
"""

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
import structlog
import uvicorn
from starlette.types import ASGIApp

from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.web.address import BACKLOG
from mlgym_mcp.web.connection import Connection, most_connections

EXIT_GRACE = 1
"""Seconds that requests in flight get to end after a signal; the work they wait for belongs to sessions."""
KEEP_ALIVE = 75
"""Seconds that a connection stays open without a request; agents think for long between two."""

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[ASGIApp]]

log = structlog.get_logger(__name__)


def run(
    opening: Opening,
    listener: socket.socket,
    *,
    end_with_stdin: bool = False,
    drain: Drain | None = None,
    drain_s: float = 0.0,
) -> None:
    """Serve until a signal arrives, or, if asked for, standard input ends.

    Args:
        opening: Opens what answers.
        listener: Where requests come in.
        end_with_stdin: Whether it ends with its standard input, and without delay.
        drain: Told of SIGTERM first.
        drain_s: Seconds that it may take.
    """
    if end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    anyio.run(_run, opening, listener, drain or Drain(), 0.0 if end_with_stdin else drain_s)


async def _run(opening: Opening, listener: socket.socket, drain: Drain, drain_s: float) -> None:
    async with opening() as app, serving(app, listener):
        await _until_the_end(drain, drain_s)
        drain.end()


async def _until_the_end(drain: Drain, drain_s: float) -> None:
    if sys.platform == "win32":  # no signal reaches an event loop there; the default action ends the process
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        if await anext(signals) != signal.SIGTERM or not drain_s:
            return
        log.info("drain_begun", going_on=drain.going_on, at_most=drain_s)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_drain, drain, drain_s, tasks.cancel_scope)
            await anext(signals)
            tasks.cancel_scope.cancel()
        log.info("drain_over", left=drain.going_on)


async def _drain(drain: Drain, seconds: float, waiting: anyio.CancelScope) -> None:
    with anyio.move_on_after(seconds):
        await drain.run()
    waiting.cancel()


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
