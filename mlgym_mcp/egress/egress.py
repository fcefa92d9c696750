"""Egress: a socket for each sandbox that may reach hosts, all of them served by one proxy, the server itself.

Which sandbox asks is told by the socket, which no other sandbox sees: there are no credentials to show, to leak or to
steal. The socket lies in `<data>/egress/<sandbox>`; the folder is what is mounted, so that a server which takes the
sandbox up can make the socket anew.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import structlog
from anyio import to_thread
from anyio.abc import SocketStream, TaskGroup

from mlgym_mcp.egress.addresses import Networks
from mlgym_mcp.egress.journal import Journal
from mlgym_mcp.egress.visit import Pass, Visit
from mlgym_mcp.sandbox import unix
from mlgym_mcp.sandbox.base import EGRESS, EGRESS_SOCKET, Mount
from mlgym_mcp.tasks.spec import TaskSpec

FOLDER, JOURNAL = "egress", "egress.log"
MOST = 16
"""Connections of one sandbox at once; further ones wait."""
PAUSE = 1.0
"""Seconds for which no connection is accepted once the process had no descriptor for one."""

log = structlog.get_logger(__name__)


class Egress:
    """The proxy of one server."""

    def __init__(self, folder: Path, journal: Journal, private: Networks, task_group: TaskGroup) -> None:
        self._folder = folder
        self._journal = journal
        self._private = private
        self._task_group = task_group
        self._listening: dict[str, anyio.CancelScope] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, data_dir: Path, private: Networks) -> AsyncIterator["Egress"]:
        """Open a proxy that listens nowhere yet; when the block ends, its sandboxes reach nothing any more.

        Args:
            data_dir: where sockets and journal lie.
            private: networks that may be reached although they are not public.
        """
        with closing(Journal(data_dir / JOURNAL)) as journal:
            async with anyio.create_task_group() as task_group:
                try:
                    yield cls(data_dir / FOLDER, journal, private, task_group)
                finally:
                    task_group.cancel_scope.cancel()

    async def admit(self, sandbox: str, task: TaskSpec) -> tuple[Mount, ...]:
        """Let a task's sandbox reach what the task names; what to mount in it, nothing for most tasks."""
        network = task.resources.network
        if not network.allow:
            return ()
        self._stop(sandbox)
        folder = self._folder / sandbox
        await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
        folder.chmod(0o755)  # the sandbox's uid passes through it; the data folder keeps everybody else out
        with unix.short(folder) as short:
            listener = await anyio.create_unix_listener(f"{short}/{EGRESS_SOCKET}", mode=0o666, backlog=MOST)
        await self._task_group.start(self._listen, listener, Pass(sandbox, network, self._private))
        return (Mount(folder, EGRESS),)

    async def dismiss(self, sandbox: str) -> None:
        """Let a sandbox reach nothing any more, and remove its socket; a no-op when it has none."""
        self._stop(sandbox)
        await to_thread.run_sync(lambda: shutil.rmtree(self._folder / sandbox, ignore_errors=True))

    async def ids(self) -> list[str]:
        """The sandboxes that a socket is left of, dead ones included."""
        return [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []

    def _stop(self, sandbox: str) -> None:
        if (scope := self._listening.pop(sandbox, None)) is not None:
            scope.cancel()

    async def _listen(
        self, listener: anyio.abc.SocketListener, allowed: Pass, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        places = anyio.Semaphore(MOST)
        async with listener, anyio.create_task_group() as visits:
            self._listening[allowed.sandbox] = visits.cancel_scope
            task_status.started()
            while True:
                await places.acquire()
                try:
                    client = await listener.accept()
                except OSError as error:
                    log.warning("egress_paused", sandbox=allowed.sandbox, error=str(error))
                    places.release()
                    await anyio.sleep(PAUSE)
                    continue
                visits.start_soon(self._visit, client, allowed, places)

    async def _visit(self, client: SocketStream, allowed: Pass, places: anyio.Semaphore) -> None:
        try:
            async with client:
                await Visit(client, allowed, self._journal).run()
        except Exception as error:  # noqa: BLE001 - one request must not end the proxy of all
            log.error("egress_failed", sandbox=allowed.sandbox, error=repr(error))
        finally:
            places.release()
