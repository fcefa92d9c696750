"""Connections over HTTP: whoever opens many and asks for nothing must not keep the others out.

Each takes one of the process's descriptors, and a stranger without the token can open as many as it likes.
"""

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def most_connections() -> int:
    """How many connections to hold at once: half of what this process may open, for sandboxes need some too."""
    if sys.platform == "win32":  # no such limit there
        return sys.maxsize
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else max(1, limit // 2)


class Connection(H11Protocol):
    """A connection that has to bring a whole head within the server's keep-alive time, the first time too.

    The server's own timer starts with the first answer, and a single byte stops it.
    """

    def __init__(self, *arguments: Any, most: int, **settings: Any) -> None:
        """`most`: how many there may be at once; for another, the one that has been idle for longest is closed."""
        super().__init__(*arguments, **settings)
        self._most = most
        self._idle_since = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is here as a whole that is not answered yet."""
        if self.cycle is None:  # until the first head, though typed as if it never were
            return True
        return self.cycle.more_body or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self._most:
            self._make_room()

    def on_response_complete(self) -> None:
        """Begin to wait for another request."""
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._idle_since = self.loop.time()
        self._timer = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _give_up(self) -> None:
        if self.idle:
            self.transport.close()

    def _make_room(self) -> None:
        idle = [one for one in self.connections if isinstance(one, Connection) and one.idle]
        staying = [one for one in idle if not one.transport.is_closing()]
        min(staying, key=lambda one: one._idle_since).transport.close()  # this one, if no other is idle
