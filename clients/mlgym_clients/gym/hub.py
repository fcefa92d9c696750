"""The event loop behind environments, whose methods are called from programs that have none."""

import atexit
import functools
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, suppress
from threading import Lock, Thread
from typing import Protocol, TypeAlias, TypeVar
from weakref import WeakSet

import anyio
from anyio.from_thread import BlockingPortal
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED

from mlgym_clients.gym.place import Place

Result = TypeVar("Result")


Work: TypeAlias = Callable[[Client], Awaitable[Result]]


class ServerGone(Exception):
    """Raised when the server can't be reached any more. The next call looks for it again, or starts another."""


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
        self._connections: dict[Place, tuple[Client, AbstractContextManager[Client]]] = {}
        self._connecting = Lock()
        self._open: WeakSet[Closes] = WeakSet()
        atexit.register(self._close)

    def together(self, place: Place, works: Sequence[Work[Result]]) -> list[Result]:
        """Do all at once, at one place; returns what came of each, in their order, or raises the first that failed.

        Raises:
            ServerFailed: a server of our own could not be started.
            ServerGone: the place can't be reached any more.
        """
        client = self._client(place)
        scope = self._portal.call(anyio.CancelScope)
        future = self._portal.start_task_soon(_together, client, works, scope)
        try:
            return future.result()
        except KeyboardInterrupt:
            self._portal.call(scope.cancel)
            wait([future])
            raise
        except MCPError as error:
            if error.code != CONNECTION_CLOSED:
                raise
            self.disconnect(place)
            raise ServerGone(f"{place.url or 'the server of our own'} does not answer any more.") from None

    def disconnect(self, place: Place) -> None:
        """Close the connection to a place, if there is one, and with it the server that is ours."""
        with self._connecting, suppress(Exception):  # what is lost may say so once more
            if place in self._connections:
                _, connection = self._connections.pop(place)
                connection.__exit__(None, None, None)

    def closes(self, environment: Closes) -> None:
        """Have it closed before the process ends, should it not be closed till then."""
        self._open.add(environment)

    def _client(self, place: Place) -> Client:
        with self._connecting:
            if place not in self._connections:
                connection = self._portal.wrap_async_context_manager(place.connect())
                try:
                    self._connections[place] = connection.__enter__(), connection
                except (ExceptionGroup, MCPError) as error:
                    raise ServerGone(f"no MCP server answers at {place.url or 'our own address'}.") from error
            return self._connections[place][0]

    def _close(self) -> None:
        if os.getpid() != self._process:  # in a fork, which has the loop's memory and not its thread
            return
        for environment in list(self._open):
            with suppress(Exception):  # its session's lease ends it
                environment.close()
        for place in list(self._connections):
            self.disconnect(place)
        self._portal.call(self._portal.stop, True)  # a server that was being started when Ctrl-C came
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


async def _together(client: Client, works: Sequence[Work[Result]], scope: anyio.CancelScope) -> list[Result]:
    results: dict[int, Result] = {}
    failures: list[Exception] = []

    async def work(number: int) -> None:
        try:
            results[number] = await works[number](client)
        except Exception as error:  # noqa: BLE001 - raised when the others are done: they are not cut off by it
            failures.append(error)

    with scope:
        async with anyio.create_task_group() as tasks:
            for number in range(len(works)):
                tasks.start_soon(work, number)
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(works))]
