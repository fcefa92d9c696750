"""GPU lending, whoever assigns the devices: this server (`gpu_leases`) or a cluster (`cluster_leases`)."""

from typing import Protocol

from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory
from mlgym_mcp.sandbox.process import Progress


class GpuLending(Protocol):
    """Who has which devices."""

    inventory: GpuInventory

    async def most(self) -> int:
        """How many one session can have at most."""

    async def of(self, session: str) -> tuple[Gpu, ...]:
        """The devices of a session."""

    async def take(self, session: str, count: int, say: Progress) -> None:
        """Lend `count` devices to a session in turn; `say` is told how that goes."""

    def give(self, session: str) -> None:
        """Take back what a session was lent."""
