"""The meter: what a session has its GPUs do."""

from collections.abc import Sequence

import structlog
from anyio import to_thread

from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory
from mlgym_mcp.scoring.score import GpuUsage
from mlgym_mcp.sessions.clock import Clock

PAUSE = 5.0
"""Seconds between two looks."""

log = structlog.get_logger(__name__)


class GpuMeter:
    """Looks at the devices of one session now and then."""

    def __init__(self, inventory: GpuInventory, gpus: Sequence[Gpu], clock: Clock, *, since: float) -> None:
        """`since`: when the session was lent them, in seconds since the epoch."""
        self.gpus = tuple(gpus)
        self._inventory = inventory
        self._clock = clock
        self._since = since
        self._peak = 0
        self._looks = 0
        self._total = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await to_thread.run_sync(self._look)
            await self._clock.sleep(PAUSE)

    def usage(self) -> GpuUsage:
        """What they did since the session has had them, as far as this server saw."""
        return GpuUsage(
            devices=tuple(gpu.name for gpu in self.gpus),
            seconds=len(self.gpus) * (self._clock.now() - self._since),
            peak_memory=self._peak,
            utilisation=self._total / self._looks if self._looks else None,
        )

    def _look(self) -> None:
        for gpu in self.gpus:
            try:
                use = self._inventory.use(gpu.uuid)
            except GpuFailed as error:
                log.warning("gpu_not_measured", gpu=gpu.uuid, reason=str(error))
                continue
            self._peak = max(self._peak, use.memory)
            if use.utilisation is not None:
                self._looks += 1
                self._total += use.utilisation
