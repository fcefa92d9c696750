"""The event loop behind environments, whose methods are called from programs that have none."""

import atexit
import functools
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from threading import Lock, Thread
from typing import Protocol, TypeVar
from weakref import WeakSet

import anyio
from anyio.from_thread import BlockingPortal
from mcp import Client

from mlgym_clients.gym.place import Place

Result = TypeVar("Result")


class Closes(Protocol):
    """What is to be closed before the process ends."""

    def close(self) -> None:
        """Does nothing the second time."""


class Hub:
    """One event loop in a thread of its own, and its connections. They end with the process."""

    def __init__(self) -> None:
        ready: Future[BlockingPortal] = Future()
        # A daemon: Python waits for other threads before it calls what `atexit` knows, which is what ends this one.
        self._thread = Thread(target=anyio.run, args=(_serve, ready), name="mlgym-mcp", daemon=True)
        self._thread.start()
        self._portal = ready.result()
        self._process = os.getpid()
        self._connections = ExitStack()
        self._clients: dict[Place, Client] = {}
        self._connecting = Lock()
        self._open: WeakSet[Closes] = WeakSet()
        atexit.register(self._close)

    def client(self, place: Place) -> Client:
        """The connection to a place, made when it is first asked for.

        Raises:
            ServerFailed: the server of our own could not be started.
        """
        with self._connecting:
            if place not in self._clients:
                connection = self._portal.wrap_async_context_manager(place.connect())
                self._clients[place] = self._connections.enter_context(connection)
            return self._clients[place]

    def together(self, works: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
        """Do all at once; returns what came of each, in their order, or raises the first that failed."""
        return self._portal.call(_together, works)

    def closes(self, environment: Closes) -> None:
        """Have it closed before the process ends, should it not be closed till then."""
        self._open.add(environment)

    def _close(self) -> None:
        if os.getpid() != self._process:  # in a fork, which has the loop's memory and not its thread
            return
        for environment in list(self._open):
            environment.close()
        self._connections.close()
        self._portal.call(self._portal.stop)
        self._thread.join()


def hub() -> Hub:
    """This process's own; a fork has another."""
    return _hub_of(os.getpid())


@functools.cache
def _hub_of(_: int) -> Hub:
    return Hub()


async def _serve(ready: "Future[BlockingPortal]") -> None:
    async with BlockingPortal() as portal:
        ready.set_result(portal)
        await portal.sleep_until_stopped()


async def _together(works: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
    results: dict[int, Result] = {}

    async def work(number: int) -> None:
        results[number] = await works[number]()

    try:
        async with anyio.create_task_group() as tasks:
            for number in range(len(works)):
                tasks.start_soon(work, number)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return [results[number] for number in range(len(works))]
