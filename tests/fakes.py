"""Stand-ins that tests of sessions and of the edge share: a task, its preparation, a referee, a clock, a manager."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import yaml

from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.base import GIB, Limits
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.gpus import Gpu, GpuUse
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.scoring.request import ScoreRequest
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager
from mlgym_mcp.sessions.services import Egress, Literature, NoEgress, NoLiterature, Services
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

TASK = "toy-v1"
DOCUMENT: dict[str, Any] = {
    "id": TASK,
    "title": "Toy",
    "domain": "toys",
    "environment": {"profile": "plain"},
    "resources": {"memory": "1GiB", "disk": "512MiB"},
    "budget": {"steps": 10, "command_time": 60, "wall_time": 3600},
    "submission": {"files": ["answer.txt"], "kind": "data", "max_size": "1MiB"},
    "metrics": [{"name": "accuracy", "goal": "maximize", "ranks": True}],
    "baselines": {"full": {"strict": {"accuracy": 0.5}}, "sample": {"accuracy": 0.5}},
    "target": {"value": 1.0, "source": "the ceiling"},
    "comparable": {"value": False, "why": "nothing was published"},
}


def write_task(tasks: Path, **changes: Any) -> Path:
    """Write the folder of a task below `tasks` whose task.yaml differs from the toy's by `changes`."""
    document = {**DOCUMENT, **changes}
    texts = {"brief.md": "Write answer.txt.", "data.py": "", "grader.py": "", "starter/answer.txt": "start\n"}
    folder = tasks / str(document["id"])
    for name, text in {**texts, "task.yaml": yaml.safe_dump(document)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class FakeClock:
    """A clock that stands still until `advance`."""

    def __init__(self) -> None:
        self._now = 1_000_000.0
        self._moved = anyio.Event()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        self._now += seconds
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


@dataclass
class FakePreparer:
    """Has everything prepared; fails with `error`, and waits for `gate`, where a test sets them."""

    folder: Path
    error: Exception | None = None
    gate: anyio.Event | None = None

    async def prepare(
        self, task: TaskSpec, flavour: str, progress: Progress = silent, *, gpus: int = 0
    ) -> PreparedTask:
        await progress("data is being prepared")
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        public, hidden = self.folder / "public", self.folder / "hidden"
        for path in (public, hidden):
            path.mkdir(parents=True, exist_ok=True)
        return PreparedTask(task.id, "sample", task.environment.profile, public, hidden, "fake-plain")


@dataclass
class FakeReferee:
    """Answers each request with the next of `answers`, then 0.75; waits for `gate` where a test sets it."""

    answers: list[dict[str, Any] | Exception] = field(default_factory=list)
    gate: anyio.Event | None = None
    requests: list[ScoreRequest] = field(default_factory=list)
    sandboxes: list[Limits] = field(default_factory=list)
    """What each scoring has counted while it waits."""

    async def score(self, request: ScoreRequest) -> Score:
        self.requests.append(request)
        with ExitStack() as stack:
            for limits in self.sandboxes:
                stack.enter_context(request.counted(limits))
            if self.gate is not None:
                await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else scored(0.75)
        if isinstance(answer, Exception):
            raise answer
        return Score(
            task=request.task.id,
            task_hash=request.task.content_hash,
            phase=request.phase,
            protocol=request.protocol,
            flavour=request.prepared.flavour,
            baseline={"accuracy": 0.5},
            artefact=request.artefact.sha256,
            grader_hash=request.task.grader_hash,
            secret_hash="0" * 64,
            environment=request.prepared.digest,
            backend="fake",
            network="none",
            aids=request.aids,
            seconds=1.0,
            **answer,
        )


def scored(accuracy: float) -> dict[str, Any]:
    """An answer of the referee."""
    return {"outcome": "scored", "scores": {"accuracy": accuracy}, "reward": (accuracy - 0.5) / 0.5}


def faulty(code: str, message: str) -> dict[str, Any]:
    """An answer of the referee to an artefact at fault."""
    return {"outcome": "submission_fault", "fault_code": code, "fault_message": message, "reward": -1.0}


@dataclass
class FakeGpus:
    """Devices whose use a test sets; one in `failed` does not answer."""

    count: int = 0
    memory: dict[str, int] = field(default_factory=dict)
    """UUID → bytes in use."""
    failed: set[str] = field(default_factory=set)
    looks: int = 0

    def devices(self) -> list[Gpu]:
        return [Gpu(f"GPU-{index}", index, index, "Toy 80", 80 * GIB) for index in range(self.count)]

    def use(self, uuid: str) -> GpuUse:
        self.looks += 1
        if uuid in self.failed:
            raise GpuFailed(f"the GPU {uuid} does not answer")
        return GpuUse(self.memory.get(uuid, 0), 0.5, processes=0)


@dataclass
class World:
    """Everything that outlives one server, and what its parts are told to do."""

    folder: Path
    backend: FakeBackend = field(default_factory=FakeBackend)
    referee: FakeReferee = field(default_factory=FakeReferee)
    clock: FakeClock = field(default_factory=FakeClock)
    gpus: FakeGpus = field(default_factory=FakeGpus)
    gpu_claims: Path | None = None
    egress: Egress = field(default_factory=NoEgress)
    literature: Literature = field(default_factory=NoLiterature)
    limits: SessionLimits = field(default_factory=lambda: SessionLimits(notify_s=0.01))
    preparer: FakePreparer = field(init=False)

    def __post_init__(self) -> None:
        self.preparer = FakePreparer(self.folder / "prepared")
        write_task(self.folder / "tasks")

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[SessionManager, Store]]:
        """One server on the world's data folder; leaving the block is its graceful end."""
        with Store.open(self.folder / "data") as store:
            services = Services(
                store=store,
                tasks=Catalog([self.folder / "tasks"]),
                preparer=self.preparer,
                backend=self.backend,
                referee=self.referee,
                clock=self.clock,
                gpus=self.gpus,
                gpu_claims=self.gpu_claims or self.folder / "claims",
                egress=self.egress,
            )
            async with SessionManager.open(services, self.limits) as manager:
                yield manager, store


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else run until the condition holds."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()
