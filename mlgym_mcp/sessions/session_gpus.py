"""The GPUs of one session: lent, measured, and given back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from mlgym_mcp.errors import SessionBusy
from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.scoring.score import GpuUsage
from mlgym_mcp.sessions.gpu_meter import GpuMeter
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.session_place import SessionPlace
from mlgym_mcp.sessions.shared import Shared

ROOM = 0.5
"""The share of a device's memory that must be free for a scoring while the session's own jobs run."""


class SessionGpus:
    """What one session has of GPUs; nothing, for most."""

    def __init__(self, shared: Shared, session: str, count: int, place: SessionPlace) -> None:
        """`place`: where the devices are, on a cluster."""
        self._shared = shared
        self._place = place
        self._session = session
        self._count = count
        self._meter: GpuMeter | None = None
        self._scope = anyio.CancelScope()

    @property
    def devices(self) -> tuple[Gpu, ...]:
        """The devices; none before they are lent."""
        return self._meter.gpus if self._meter else ()

    @property
    def usage(self) -> GpuUsage | None:
        """What they did so far; None for a session without."""
        return self._meter.usage() if self._meter else None

    async def take(self, say: Progress) -> None:
        """Wait for the devices in turn, unless the session has them; `say` is told how that goes."""
        if self._count:
            await self._place.take(say)
            if self._since() is None:
                await self._shared.gpus.take(self._session, self._count, say)
            await self.find()

    async def find(self) -> None:
        """Take up the devices that the session has been lent, perhaps by a server that is gone."""
        if self._count and self._meter is None:
            leases = self._shared.gpus
            devices, since, clock = await leases.of(self._session), self._since(), self._shared.services.clock
            self._meter = GpuMeter(leases.inventory, devices, clock, since=clock.now() if since is None else since)
            self._shared.spawn(Operation(self._measure))

    async def require_room(self, guest: Guest) -> None:
        """Refuse a scoring for which jobs of the session's own leave too little memory.

        Raises:
            SessionBusy: they do; names them.
        """
        for gpu in self.devices:
            use = await to_thread.run_sync(self._shared.gpus.inventory.use, gpu.uuid)
            if use.memory <= (1 - ROOM) * gpu.memory:
                continue
            if running := await guest.running_jobs():
                raise SessionBusy(
                    f"The submission is scored on the session's own GPU, and {use.memory / gpu.memory:.0%} of its "
                    f"memory is used while {', '.join(running)} runs: wait for that or kill it, and call again. Free."
                )

    async def give(self) -> None:
        """Let others have them, and on a cluster the place they are in."""
        if self._count:
            self._scope.cancel()
            self._shared.gpus.give(self._session)
        await self._place.give()

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[tuple[Gpu, ...]]:
        """As many devices once more, and a place, while the block runs: the session is over and has given up both."""
        await self._place.take(silent)
        try:
            if self._count:
                await self._shared.gpus.take(self._session, self._count, silent)
            yield await self._shared.gpus.of(self._session) if self._count else ()
        finally:
            self._shared.gpus.give(self._session)
            with anyio.CancelScope(shield=True):
                await self._place.give()

    def _since(self) -> float | None:
        return self._shared.services.store.gpu_leases.since(self._session)

    async def _measure(self) -> None:
        with self._scope:
            if self._meter is not None:
                await self._meter.run()
