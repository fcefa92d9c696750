"""What a server that is measured by itself stands on: the real store and referee, and sandboxes that run nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox.base import Backend
from mlgym_mcp.sandbox.fake import FakeBackend, Program
from mlgym_mcp.sandbox.fake.guest import FakeGuest
from mlgym_mcp.sandbox.frames import encode
from mlgym_mcp.sandbox.metered import MeteredBackend
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

METRIC = "score"
"""What every judge measures."""


def judge(_guest: FakeGuest, _argv: Sequence[str], _env: Mapping[str, str]) -> Program:
    """A judge that finds whatever it is given worth 1."""
    verdict = encode({"type": "verdict", "outcome": "scored", "scores": {METRIC: 1.0}})
    return lambda _: verdict


class NothingToPrepare:
    """Data that is empty, and there."""

    def __init__(self, folder: Path) -> None:
        self._public, self._hidden = folder / "public", folder / "hidden"
        for part in (self._public, self._hidden):
            part.mkdir(parents=True, exist_ok=True)

    async def prepare(
        self, task: TaskSpec, _flavour: str, _progress: Progress = silent, *, gpus: int = 0
    ) -> PreparedTask:
        """The data of any task."""
        return PreparedTask(task.id, "sample", task.environment.profile, self._public, self._hidden, "fake")


def services(store: Store, catalog: Catalog, backend: Backend, meter: Meter) -> Services:
    """Everything that sessions stand on."""
    store.database.told = meter.committed
    metered = MeteredBackend(backend, meter)
    return Services(
        store=store,
        tasks=catalog,
        preparer=NothingToPrepare(store.folder / "prepared"),
        backend=metered,
        referee=Referee(metered, store.secret, store.sandbox_id),
        meter=meter,
    )


@asynccontextmanager
async def open_services(settings: Settings, catalog: Catalog, meter: Meter) -> AsyncIterator[Services]:
    """The same for a server that is set so."""
    with Store.open(settings.data_dir) as store:
        yield services(store, catalog, FakeBackend(start_program=judge), meter)
