"""What sessions stand on, as this machine has it: the store, a backend, prepared data, the referee."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mlgym_mcp.data import Data
from mlgym_mcp.errors import BackendUnavailable, SandboxError
from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.base import Backend
from mlgym_mcp.sandbox.gpus import GpuInventory, Lendable
from mlgym_mcp.sandbox.metered import MeteredBackend
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.sessions.services import Egress, Literature, NoEgress, NoLiterature, Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog

if TYPE_CHECKING:  # imported where an engine is used
    from mlgym_mcp.sandbox.images import Engine, Images

UNMETERED = Meter()
DOCTOR = "see what is missing: mlgym-mcp doctor"


@asynccontextmanager
async def open_services(settings: Settings, catalog: Catalog, meter: Meter = UNMETERED) -> AsyncIterator[Services]:
    """Open everything in order; what happens is told to the meter.

    Raises:
        SetupError: the data folder can't be used, or no sandbox can be made here.
    """
    with Store.open(settings.data_dir) as store:
        store.database.told = meter.committed
        async with open_backend(settings, catalog) as found, _open_egress(settings) as egress:
            backend = MeteredBackend(found, meter)
            yield Services(
                store=store,
                tasks=catalog,
                preparer=data_of(settings, store, backend),
                backend=backend,
                referee=Referee(backend, store.secret, store.sandbox_id),
                gpus=Lendable(_inventory, settings.gpus),
                egress=egress,
                literature=_literature(settings),
                meter=meter,
            )


def _literature(settings: Settings) -> Literature:
    if "literature" not in settings.tools:
        return NoLiterature()
    from mlgym_mcp.literature import Library

    return Library.of(settings.cache_dir, settings.semantic_scholar_key, settings.private_networks)


@asynccontextmanager
async def _open_egress(settings: Settings) -> AsyncIterator[Egress]:
    if settings.network == "none":
        yield NoEgress()
        return
    from mlgym_mcp.egress import Egress as Proxy

    async with Proxy.open(settings.data_dir, settings.private_networks) as proxy:
        yield proxy


def _inventory() -> GpuInventory:
    from mlgym_mcp.sandbox.nvml import open_inventory  # with the first session that needs a GPU

    return open_inventory()


def data_of(settings: Settings, store: Store, backend: Backend) -> Data:
    """The prepared data of a data folder."""
    return Data(settings.data_dir, settings.cache_dir, backend, store.secret, store.sandbox_id)


@asynccontextmanager
async def open_backend(settings: Settings, catalog: Catalog) -> AsyncIterator[Backend]:
    """Open the backend that the settings name, or with `auto` the one that is ready.

    Raises:
        BackendUnavailable: it doesn't work here; the message says what does.
    """
    kind = await _choose(settings, catalog) if settings.sandbox == "auto" else settings.sandbox
    if kind == "docker":
        async with open_docker(settings) as backend:
            yield backend
    elif kind == "bubblewrap":
        yield await _bubblewrap(settings)
    else:
        from mlgym_mcp.sandbox.fake import FakeBackend

        yield FakeBackend()


async def _choose(settings: Settings, catalog: Catalog) -> str:
    """Docker if an engine has the images that the offered tasks need, else bubblewrap, else Docker if one answers."""
    from mlgym_mcp.sandbox import probes

    if settings.docker_runtime:  # whoever asks for more isolation must not silently get less
        return "docker"
    offered = [catalog.get(settings.task)] if settings.task else catalog.list()
    wanted = {profiles.fitting(task.environment.profile, gpus=task.resources.gpus) for task in offered}
    if await _has_images(settings, wanted):
        return "docker"
    found = await probes.bubblewrap()
    if found.ok:
        return "bubblewrap"
    engine = await probes.docker_engine(None)
    if engine.ok:  # images are built when they are first needed
        return "docker"
    raise BackendUnavailable(
        f"no sandbox can be made here: bubblewrap: {found.detail}; {engine.detail}", found.fix or engine.fix or DOCTOR
    )


async def _has_images(settings: Settings, wanted: set[str]) -> bool:
    from mlgym_mcp.sandbox.docker import open_engine
    from mlgym_mcp.sandbox.probes import ENGINE_PATIENCE

    known = wanted & set(profiles.names(cuda=True))  # a task of an unknown profile fails when it is started, and alone
    try:
        async with open_engine(time_limit=ENGINE_PATIENCE) as engine:
            images = images_of(settings, engine)
            return all([await images.find(profiles.load(name)) for name in known])
    except (BackendUnavailable, SandboxError):
        return False


@asynccontextmanager
async def open_docker(settings: Settings) -> AsyncIterator[Backend]:
    """Open the Docker backend.

    Raises:
        BackendUnavailable: no engine answers.
    """
    from mlgym_mcp.sandbox.docker import open_engine
    from mlgym_mcp.sandbox.docker_backend import DockerBackend
    from mlgym_mcp.sandbox.docker_stream import choose

    async with open_engine(runtime=settings.docker_runtime) as engine:
        transport = await choose(settings.docker_stream, engine)
        yield DockerBackend(settings.data_dir, engine, images_of(settings, engine), transport=transport)


def images_of(settings: Settings, engine: "Engine") -> "Images":
    """The images on an engine, built as the settings say."""
    from mlgym_mcp.sandbox.images import Images

    return Images(engine, settings.cache_dir, settings.apt_mirror)


async def _bubblewrap(settings: Settings) -> Backend:
    from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
    from mlgym_mcp.sandbox.environments import Environments, find_interpreter

    return BubblewrapBackend(settings.data_dir, Environments(settings.cache_dir, await find_interpreter()))
