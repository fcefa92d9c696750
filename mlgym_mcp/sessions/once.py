"""Once: calls of one session that carry the same key act once and get the same reply."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.operation import Operation, Spawn
from mlgym_mcp.sessions.record import from_json
from mlgym_mcp.store import Event, Store

T = TypeVar("T")


class Once:
    """The keys of one session: of calls that go on now, in memory; of answered ones, in the store's events."""

    def __init__(self, store: Store, session: str, spawn: Spawn) -> None:
        self._store = store
        self._session = session
        self._spawn = spawn
        self._going: dict[str, tuple[str, Operation[Any]]] = {}

    def known(self, kind: str, call: Call, reply: type[T]) -> Operation[T] | None:
        """The operation that has this key, going on or answered; None for a new key or none.

        Raises:
            CallerError: the key belongs to another kind of call.
        """
        if call.key is None:
            return None
        event = self._store.events.by_key(self._session, call.key)
        if call.key in self._going:
            first, operation = self._going[call.key]
            _require(kind, first)
            if event is not None:
                call.tell_accepted(event.id)
            return operation
        if event is None:
            return None
        _require(kind, event.kind)
        if not event.finished:
            return None
        answered = _answered(event, reply)
        self._spawn(answered)
        return answered

    def going_on(self, key: str | None) -> bool:
        """Whether the call that has this key is worked on here, now."""
        return key in self._going

    def start(self, kind: str, call: Call, work: Callable[[], Awaitable[T]]) -> Operation[T]:
        """Start work under the call's key."""

        async def tracked() -> T:
            try:
                return await work()
            finally:
                if call.key is not None:
                    del self._going[call.key]

        operation = Operation(tracked)
        if call.key is not None:
            self._going[call.key] = (kind, operation)
        self._spawn(operation)
        return operation


def _require(kind: str, first: str) -> None:
    if kind != first:
        raise CallerError(f"This key was used for a `{first}` call; give each call a key of its own.")


def _answered(event: Event, reply: type[T]) -> Operation[T]:
    async def answer() -> T:
        if event.reply is None:
            raise CallerError(event.error or "This call was made before and came to nothing.")
        return from_json(reply, event.reply)

    return Operation(answer)
