"""What sessions stand on, as this machine has it: the store, a backend, prepared data, the referee."""

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mlgym_mcp.data import Data
from mlgym_mcp.errors import BackendUnavailable, SandboxError
from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.base import Backend
from mlgym_mcp.sandbox.gpus import GpuInventory, Lendable
from mlgym_mcp.sandbox.metered import MeteredBackend
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.sessions.services import Egress, Literature, NoEgress, NoLiterature, Places, Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from mlgym_mcp.store.folder import made
from mlgym_mcp.tasks.catalog import Catalog

if TYPE_CHECKING:  # imported where an engine is used
    from mlgym_mcp.sandbox.images import Engine, Images

UNMETERED = Meter()
LEAST_PATIENCE = 900.0
"""Seconds without a server after which a node gives up what has no sandbox; servers tell of themselves every 300."""
DOCTOR = "see what is missing: mlgym-mcp doctor"


@runtime_checkable
class OnCluster(Protocol):
    """A backend whose nodes have places and GPUs of their own."""

    places: Places
    gpus: GpuInventory


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
                gpus=found.gpus if isinstance(found, OnCluster) else Lendable(_inventory, settings.gpus),
                places=found.places if isinstance(found, OnCluster) else None,
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
    elif kind == "ray":
        async with _open_cluster(settings) as cluster:
            yield cluster
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


@asynccontextmanager
async def _open_cluster(settings: Settings) -> AsyncIterator[Backend]:
    from mlgym_mcp.sandbox.cluster import ClusterBackend, open_cluster

    async with open_cluster(settings.ray_address):
        owner = _name_on_cluster(settings.data_dir)
        yield ClusterBackend(
            owner,
            partial(_open_on_node, _of_nodes(settings), owner),
            partial(_wares_on_node, settings.data_dir, owner),
            kind="+".join(filter(None, (settings.node_sandbox, settings.docker_runtime))),
            share=settings.ray_share,
            patience=max(settings.orphan_grace, LEAST_PATIENCE),
        )


def _name_on_cluster(data_dir: Path) -> str:
    """What names a data folder on clusters, where others have folders of the same path."""
    place = made(data_dir) / "cluster-name"
    if not place.exists():
        aside = place.with_suffix(f".{secrets.token_hex(4)}")
        aside.write_text(secrets.token_hex(8))
        with suppress(FileExistsError):  # the first of several servers names it
            os.link(aside, place)
        aside.unlink()
    return place.read_text()


def _of_nodes(settings: Settings) -> Settings:
    """The settings that nodes of a cluster are told: no secrets among them."""
    return Settings(
        data_dir=settings.data_dir,
        cache_dir=settings.cache_dir,
        sandbox=settings.node_sandbox,
        apt_mirror=settings.apt_mirror,
        docker_stream=settings.docker_stream,
        docker_runtime=settings.docker_runtime,
    )


def _open_on_node(settings: Settings, owner: str) -> AbstractAsyncContextManager[Backend]:
    """Open the backend of the node on which this runs."""
    return open_backend(settings.model_copy(update={"data_dir": _node_folder(settings.data_dir, owner)}), Catalog([]))


def _wares_on_node(data_dir: Path, owner: str) -> Path:
    return _node_folder(data_dir, owner) / "wares"


def _node_folder(data_dir: Path, owner: str) -> Path:
    """Where the machine on which this runs keeps things as a node; others may share its disk, or have the same path."""
    return made(data_dir) / "nodes" / socket.gethostname() / owner


def images_of(settings: Settings, engine: "Engine") -> "Images":
    """The images on an engine, built as the settings say."""
    from mlgym_mcp.sandbox.images import Images

    return Images(engine, settings.cache_dir, settings.apt_mirror)


async def _bubblewrap(settings: Settings) -> Backend:
    from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
    from mlgym_mcp.sandbox.environments import Environments, find_interpreter

    return BubblewrapBackend(settings.data_dir, Environments(settings.cache_dir, await find_interpreter()))
