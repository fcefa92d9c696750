"""The process that serves on stdin and stdout: it ends within half a second, whatever ends it.

Clients stop a server in every way there is: they close its input, signal it (some kill it 0.5 s later), or die.
A thread that reads stdin can't be woken, so nothing here waits for the transport: what the server holds is closed,
for a bounded time, and the process leaves by `os._exit`. Sandboxes live on by their leases.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, TypeAlias

import anyio

EXIT_GRACE = 0.3
"""Seconds for closing what the server holds; a client may kill 0.5 s after its first signal."""
PARENT_POLL = 0.1
"""Seconds between looks at whether the parent is still the one that started this process."""

Serve: TypeAlias = Callable[[], Awaitable[None]]
Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Serve]]


def run(opening: Opening) -> NoReturn:
    """Serve what `opening` yields until the input ends, a signal arrives or the parent dies; then exit.

    Args:
        opening: Opens the server, and yields the coroutine function that serves until the end of the input.
    """
    code = 1
    try:
        anyio.run(_serve, opening)
        code = 0
    except Exception:  # noqa: BLE001 - told here, for `os._exit` would swallow it
        traceback.print_exc()
    finally:
        os._exit(code)


async def _serve(opening: Opening) -> None:
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch_signals, stop)
        tasks.start_soon(_watch_parent, stop, os.getppid())
        async with opening() as serve:
            serving = anyio.CancelScope()
            tasks.start_soon(_serve_until_end_of_input, serve, serving, stop)
            try:
                await stop.wait()
            finally:
                _exit_soon()
                serving.cancel()  # ends the calls that wait; the transport's thread stays behind
        os._exit(0)


async def _serve_until_end_of_input(serve: Serve, serving: anyio.CancelScope, stop: anyio.Event) -> None:
    with serving:
        await serve()
    stop.set()


async def _watch_signals(stop: anyio.Event) -> None:
    if sys.platform == "win32":  # no signal reaches an event loop there, and the default action is right
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            stop.set()


async def _watch_parent(stop: anyio.Event, parent: int) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of a parent's death
        await anyio.sleep(PARENT_POLL)
    stop.set()


def _exit_soon() -> None:
    """Bound the closing from a thread: a stuck event loop can't hold it up."""
    guard = threading.Timer(EXIT_GRACE, os._exit, args=[0])
    guard.daemon = True
    guard.start()
