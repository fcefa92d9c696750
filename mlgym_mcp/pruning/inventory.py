"""The inventory: everything that takes up room in the data and the cache folder, and on a Docker engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.pruning.cached import environments, images, papers, prepared_data, sources
from mlgym_mcp.pruning.claims import Claims
from mlgym_mcp.pruning.kept import artefacts, checkpoints, sessions
from mlgym_mcp.pruning.mounts import Mounts
from mlgym_mcp.pruning.remains import remains
from mlgym_mcp.pruning.thing import Thing
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Extent:
    """What else may go."""

    submitted: bool = False
    """What sessions submitted, and what validated best."""
    sessions: bool = False
    """The records of sessions."""
    images: bool = False
    """Docker's images."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Where things are looked for."""

    store: Store
    catalog: Catalog
    cache_dir: Path
    extent: Extent
    environments: Environments | None
    """None where no interpreter tells which are current: then all stay."""
    images: Images | None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, store: Store, catalog: Catalog, settings: Settings, extent: Extent
    ) -> AsyncIterator["Inventory"]:
        """Open what things are looked for in.

        Raises:
            BackendUnavailable: images may go, and no engine answers.
        """
        try:
            there = Environments(settings.cache_dir, await find_interpreter())
        except BackendUnavailable:
            there = None
        if not extent.images:
            yield cls(store, catalog, settings.cache_dir, extent, there, None)
            return
        from mlgym_mcp.sandbox.docker import open_engine
        from mlgym_mcp.services import images_of

        async with open_engine() as engine:
            yield cls(store, catalog, settings.cache_dir, extent, there, images_of(settings, engine))

    async def take(self, now: float) -> list[Thing]:
        """Every thing there is, needed or not. `now` in seconds since the epoch."""
        claims = Claims.of(self.store, self.catalog, submitted=not self.extent.submitted, now=now)
        mounts = Mounts.now()
        return [
            *artefacts(self.store, claims),
            *checkpoints(self.store, claims),
            *prepared_data(self.store.folder, claims.data, mounts),
            *sources(self.cache_dir, mounts),
            *(environments(self.environments, mounts) if self.environments else ()),
            *papers(self.cache_dir),
            *remains(self.store, self.cache_dir),
            *sessions(self.store, claims, stay=not self.extent.sessions),
            *([thing async for thing in images(self.images)] if self.images else ()),
        ]
