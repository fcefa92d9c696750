"""What sessions need from the rest of the server, as protocols that the composition root fills."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlgym_mcp.errors import NotAvailable, SetupError
from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox.base import Backend, Mount, Wanted
from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory, NoGpus
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.scoring.request import ScoreRequest
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.clock import Clock, SystemClock
from mlgym_mcp.sessions.gpu_claims import PLACE
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

NO_LITERATURE = "This server offers no papers any more; the operator can start it with --tools literature."


class Tasks(Protocol):
    """The catalogue, as far as sessions need it."""

    def get(self, task_id: str) -> TaskSpec:
        """The task with this id.

        Raises:
            UnknownTask: there is none.
        """


class Preparer(Protocol):
    """Makes what a task needs before a session can open: its data and its environment."""

    async def prepare(self, task: TaskSpec, flavour: str, progress: Progress, *, gpus: int) -> PreparedTask:
        """Prepare a task, or find it prepared, for sandboxes with so many GPUs.

        `flavour`: `full`, `sample` or `auto`; `progress` is told each step.

        Raises:
            SetupError: the operator has to do something first, e.g. download full data.
            InfrastructureError: it failed otherwise.
        """


class Referee(Protocol):
    """Scores artefacts where no agent ever was."""

    async def score(self, request: ScoreRequest) -> Score:
        """Score one artefact; outcomes are data, infrastructure faults included.

        Raises:
            InfrastructureError: it could not be scored, through no fault of the artefact; safe to repeat.
        """


class Egress(Protocol):
    """The way out of sandboxes whose tasks may reach hosts."""

    async def admit(self, sandbox: str, task: TaskSpec) -> tuple[Mount, ...]:
        """Let a task's sandbox reach what the task names; what to mount in it, nothing for most tasks.

        Raises:
            SetupError: the operator lets no sandbox reach anything.
        """

    async def dismiss(self, sandbox: str) -> None:
        """Let a sandbox reach nothing any more; a no-op when it does not."""

    async def ids(self) -> list[str]:
        """The sandboxes of this data folder that something is left of here, dead ones included."""


class NoEgress:
    """No sandbox reaches anything."""

    async def admit(self, sandbox: str, task: TaskSpec) -> tuple[Mount, ...]:
        """Refuse tasks that may reach hosts."""
        if network := task.resources.network.allow:
            raise SetupError(
                f"{task.id} may reach {', '.join(network)}, and this server gives no task a network; "
                "the operator can start it with --network tasks."
            )
        return ()

    async def dismiss(self, sandbox: str) -> None:
        """Nothing: none was admitted."""

    async def ids(self) -> list[str]:
        """None."""
        return []


class Places(Protocol):
    """What sessions have of a cluster, beyond what a server counts by itself."""

    async def take(self, place: str, wanted: Wanted, say: Progress) -> None:
        """Reserve a place in turn, unless it is reserved already; `say` is told how that goes.

        Raises:
            SandboxError: nobody can tell.
        """

    async def give(self, place: str) -> None:
        """Give a place back; a no-op when it is not reserved."""

    async def left(self) -> list[str]:
        """The places that other servers of this data folder have reserved, or that could not be given back."""

    async def devices(self, place: str) -> tuple[Gpu, ...]:
        """The GPUs that a place has."""


class Literature(Protocol):
    """Finds papers and reads them, outside of any sandbox."""

    async def search(self, query: str, limit: int) -> str:
        """Papers about something, as text.

        Raises:
            NotAvailable: they can't be searched now.
        """

    async def read(self, paper: str, page: int) -> str:
        """A page of a paper's text, by an id or an address that `search` told.

        Raises:
            NotAvailable: its text can't be had.
            CallerError: it has no such page.
        """


class NoLiterature:
    """No papers: the operator offers none."""

    async def search(self, query: str, limit: int) -> str:
        """Nothing."""
        raise NotAvailable(NO_LITERATURE)

    async def read(self, paper: str, page: int) -> str:
        """Nothing."""
        raise NotAvailable(NO_LITERATURE)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a manager stands on."""

    store: Store
    tasks: Tasks
    preparer: Preparer
    backend: Backend
    referee: Referee
    clock: Clock = field(default_factory=SystemClock)
    gpus: GpuInventory = field(default_factory=NoGpus)
    """What can be lent."""
    gpu_claims: Path = PLACE
    """Where servers of this machine claim what they lend."""
    places: Places | None = None
    """Of a cluster; None where sandboxes are made on this machine."""
    egress: Egress = field(default_factory=NoEgress)
    literature: Literature = field(default_factory=NoLiterature)
    meter: Meter = field(default_factory=Meter)
    """Told of what happens."""
