"""GPU leases on a cluster: Ray assigns devices with a session's place; here is written down which, and since when."""

import sys

from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.sessions.clock import Clock
from mlgym_mcp.sessions.services import Places
from mlgym_mcp.sessions.session_place import place_name
from mlgym_mcp.store import Store


class ClusterLeases:
    """The devices of the sessions' places."""

    def __init__(self, inventory: GpuInventory, places: Places, store: Store, clock: Clock) -> None:
        self.inventory = inventory
        self._places = places
        self._store = store
        self._clock = clock

    async def most(self) -> int:
        """As many as anybody asks for: a node that has them may be still to come."""
        return sys.maxsize

    async def of(self, session: str) -> tuple[Gpu, ...]:
        """The devices of a session."""
        return await self._places.devices(place_name(session))

    async def take(self, session: str, count: int, say: Progress) -> None:
        """Write down what the session's place has been assigned."""
        devices = {gpu.uuid for gpu in await self.of(session)}
        for lease in self._store.gpu_leases.all():
            if lease.device in devices:  # of a session that is over, or Ray would not have assigned it
                self._store.gpu_leases.give(lease.session)
        self._store.gpu_leases.take(session, sorted(devices), at=self._clock.now())

    def give(self, session: str) -> None:
        """Write down that it has none any more."""
        self._store.gpu_leases.give(session)
