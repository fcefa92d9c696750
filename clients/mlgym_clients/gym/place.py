"""Where sessions are opened: at a server that runs, or at one of our own."""

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mcp import Client

from mlgym_clients.server import Server, bearer, started


@dataclass(frozen=True)
class Place:
    """Environments that say the same place share one connection, and the server if it is ours."""

    url: str | None = None
    """None: a server of our own."""
    token: str | None = None
    options: tuple[str, ...] = ()
    """Of `mlgym-mcp serve`, for our own."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """A client of everything that is there.

        Raises:
            ServerFailed: our own could not be started.
        """
        if self.url is not None:
            headers = bearer(self.token) if self.token else {}
            async with Server(self.url, headers).connect() as client:
                yield client
            return
        folder = Path(tempfile.mkdtemp(prefix="mlgym-mcp-gym-"))
        command = [sys.executable, "-m", "mlgym_mcp", "serve", *self.options]
        async with started(command, folder / "server.log") as server, server.connect() as client:
            yield client
        shutil.rmtree(folder)  # after a failure its log stays
