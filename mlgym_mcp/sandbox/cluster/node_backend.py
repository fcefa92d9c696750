"""The backend of the node on which an actor runs."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import anyio

from mlgym_mcp.sandbox.base import Backend

OpenBackend = Callable[[], AbstractAsyncContextManager[Backend]]
"""Opens the backend of the node on which it is called."""


class NodeBackend:
    """Opened when it is first needed, and never closed: it is open as long as the actor's process lives."""

    def __init__(self, open_backend: OpenBackend) -> None:
        self._open_backend = open_backend
        self._stack = AsyncExitStack()
        self._opening = anyio.Lock()
        self._backend: Backend | None = None

    async def opened(self) -> Backend:
        """The backend."""
        async with self._opening:
            if self._backend is None:
                self._backend = await self._stack.enter_async_context(self._open_backend())
        return self._backend
