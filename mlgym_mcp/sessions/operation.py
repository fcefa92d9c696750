"""Work that goes on whoever waits for it, as a value to wait on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

import anyio
import structlog
from structlog.contextvars import bind_contextvars

from mlgym_mcp.errors import MLGymError

T = TypeVar("T", covariant=True)
log = structlog.get_logger(__name__)

NOTHING: Mapping[str, str] = {}


class Operation(Generic[T]):
    """One piece of work. Run by the manager's task group; whoever asked for it only waits."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._done = anyio.Event()
        self._waiting = 0
        self._result: T
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._done.is_set()

    async def run(self, about: Mapping[str, str] = NOTHING) -> None:
        """Do the work; its exception is kept for whoever waits. `about` is said in each line of its log."""
        bind_contextvars(**about)
        try:
            self._result = await self._work()
        except MLGymError as error:
            if not self._waiting:
                log.warning("operation_failed", error=str(error))
            self._error = error
        except Exception as error:  # noqa: BLE001 - raised again to whoever waits; one session must not end the others
            log.exception("operation_failed")
            self._error = error
        except BaseException:
            self._error = anyio.ClosedResourceError()
            raise
        finally:
            self._done.set()

    async def result(self) -> T:
        """Wait for the end; what came of it.

        Raises:
            Exception: whatever the work raised.
        """
        if not self.done:  # even a wait for what has happened takes a turn of the event loop
            await self.ended()
        if self._error is not None:
            raise self._error
        return self._result

    async def ended(self) -> None:
        """Wait for the end, whatever came of it."""
        self._waiting += 1
        try:
            await self._done.wait()
        finally:
            self._waiting -= 1


Spawn = Callable[[Operation[Any]], None]
"""Starts an operation in the manager's task group."""
