"""What all sessions of one manager share."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anyio.abc import TaskGroup

from mlgym_mcp.sandbox.pool import WarmPool
from mlgym_mcp.sessions.capacity import Capacity
from mlgym_mcp.sessions.changes import Changes
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.sessions.gpu_lending import GpuLending
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.operation import NOTHING, Operation
from mlgym_mcp.sessions.services import Services


@dataclass(frozen=True, slots=True)
class Shared:
    """Services, limits, capacity, and the task group that all work belongs to."""

    services: Services
    limits: SessionLimits
    task_group: TaskGroup
    sandboxes: Capacity
    """For sessions with a sandbox; judges and contestants are counted, too."""
    scoring: Capacity
    """For artefacts being scored."""
    gpus: GpuLending
    pool: WarmPool
    changes: Changes = field(default_factory=Changes)
    drain: Drain = field(default_factory=Drain)
    about: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the log says in each line of the work that is started here."""

    def of(self, session: str) -> "Shared":
        """The same for one session, by its handle."""
        return replace(self, about={"session": session})

    def spawn(self, operation: Operation[Any]) -> None:
        """Start an operation; it ends with the manager at the latest."""
        self.task_group.start_soon(operation.run, self.about)
