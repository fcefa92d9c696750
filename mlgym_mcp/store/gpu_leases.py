"""GPU leases: which session has which device, for all servers of the data folder."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_mcp.store.database import Database


@dataclass(frozen=True, slots=True)
class GpuLease:
    """One device that is lent. `at` in seconds since the epoch."""

    device: str
    session: str
    at: float


class GpuLeases:
    """The table of GPU leases. A device is in it once at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[GpuLease]:
        """Every lease."""
        return [GpuLease(**row) for row in self._database.rows("SELECT device, session, at FROM gpu_leases")]

    def since(self, session: str) -> float | None:
        """Since when a session has devices, in seconds since the epoch; None: it has none."""
        return min((lease.at for lease in self.all() if lease.session == session), default=None)

    def take(self, session: str, devices: Sequence[str], *, at: float) -> bool:
        """Lend all of these devices to a session, or none where another server has lent one of them meanwhile."""
        with self._database.write():
            if {lease.device for lease in self.all()} & set(devices):
                return False
            for device in devices:
                self._database.insert(
                    "INSERT INTO gpu_leases (device, session, at) VALUES (:device, :session, :at)",
                    {"device": device, "session": session, "at": at},
                )
            return True

    def give(self, session: str) -> None:
        """End all leases of a session."""
        self._database.change("DELETE FROM gpu_leases WHERE session = :session", {"session": session})
