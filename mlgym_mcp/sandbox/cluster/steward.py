"""The steward: one Ray actor a node and data folder, which keeps what the node's sandboxes mount, and clears up.

A node is told of no server's end. So a steward that no server asks anything for long enough gives up the places on its
node that have no sandbox any more, and once there are none it ends, too.
"""

import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp import stamp
from mlgym_mcp.errors import MLGymError, SandboxStartError
from mlgym_mcp.sandbox.cluster.directory import Directory
from mlgym_mcp.sandbox.cluster.host import leave, watch_oneself
from mlgym_mcp.sandbox.cluster.node_backend import NodeBackend, OpenBackend
from mlgym_mcp.sandbox.cluster.wares import Arrival
from mlgym_mcp.sandbox.gpus import GpuUse
from mlgym_mcp.sandbox.nvml import open_inventory

LOOK = 60.0
"""Seconds between two looks at what is left on the node."""

UNUSED = 7 * 86400.0
"""Seconds after which a ware that no sandbox was given is removed; no session lasts as long."""

ARRIVING = 86400.0
"""Seconds after which one that has not arrived is given up."""

WaresFolder = Callable[[], Path]
"""Tells where the machine on which it is called keeps wares."""

log = structlog.get_logger(__name__)


class Steward:
    """What one node keeps for the sandboxes of one data folder."""

    def __init__(
        self, open_backend: OpenBackend, directory: Directory, wares_folder: WaresFolder, patience: float
    ) -> None:
        """Nothing is opened yet.

        Args:
            open_backend: opens the node's backend.
            directory: what the cluster has of the data folder.
            wares_folder: tells where this machine keeps wares.
            patience: seconds without a server after which the node's places are given up.
        """
        self._backend = NodeBackend(open_backend)
        self._directory = directory
        self._folder = wares_folder()
        self._patience = patience
        self._arriving: dict[str, tuple[str, Arrival]] = {}
        self._attended = time.monotonic()
        self._unhosted: set[str] = set()
        watch_oneself()

    async def lacks(self, names: Sequence[str]) -> tuple[Path, set[str]]:
        """The folder of wares, and which of these are not there; the others are about to be used."""
        self._attend()
        missing = {name for name in names if not (self._folder / name).is_dir()}
        for name in set(names) - missing:
            stamp.touch(self._folder / name)
        return self._folder, missing

    async def expect(self, name: str) -> str:
        """Begin to take a ware; names the arrival."""
        self._attend()
        arrival = f"{name}.{secrets.token_hex(4)}"
        self._arriving[arrival] = name, await Arrival.open(self._folder / arrival)
        return arrival

    async def take(self, arrival: str, chunk: bytes) -> None:
        """Take one more chunk."""
        await self._of(arrival)[1].take(chunk)

    async def finish(self, arrival: str) -> None:
        """Put a ware in its place, which has all its chunks."""
        try:
            name, arriving = self._of(arrival)
            await arriving.finish(self._folder / name)
        finally:
            self._arriving.pop(arrival, None)
            await to_thread.run_sync(lambda: shutil.rmtree(self._folder / arrival, ignore_errors=True))

    async def drop(self, arrival: str) -> None:
        """Give up a ware that will not arrive whole; a no-op for one that did."""
        if arrival in self._arriving:
            await self._arriving.pop(arrival)[1].drop()

    async def prepare(self, profile: str) -> str:
        """Make a profile's environment if this node has none; its digest."""
        self._attend()
        return await (await self._backend.opened()).prepare(profile)

    async def remove(self, sandbox_id: str) -> None:
        """Remove what is left of a sandbox whose host is gone."""
        self._attend()
        await (await self._backend.opened()).remove(sandbox_id)

    async def use_of(self, uuid: str) -> GpuUse:
        """What a device of this node is doing; nothing, as far as is known of one that NVML doesn't know."""
        inventory = open_inventory()
        known = {gpu.uuid for gpu in await to_thread.run_sync(inventory.devices)}
        return await to_thread.run_sync(inventory.use, uuid) if uuid in known else GpuUse(0, None, 0)

    async def attend(self) -> None:
        """There is a server."""
        self._attend()

    async def watch(self) -> None:
        """Run as long as there is anything to keep."""
        while True:
            await anyio.sleep(LOOK)
            try:
                await to_thread.run_sync(self._forget_wares)
                await self._clear_sandboxes()
                if time.monotonic() - self._attended > self._patience and not await self._places_left():
                    break
            except (MLGymError, OSError) as error:
                log.warning("node_not_cleared", reason=str(error))
        log.info("node_left")
        leave()

    def _forget_wares(self) -> None:
        """Remove what nobody has used for long, and what was to arrive at a steward that is gone."""
        for path in self._folder.glob("*"):
            kept = UNUSED if "." not in path.name else ARRIVING
            if path.name not in self._arriving and time.time() - stamp.of(path) > kept:
                shutil.rmtree(path, ignore_errors=True)

    async def _clear_sandboxes(self) -> None:
        """Remove sandboxes whose hosts were gone at two looks."""
        backend = await self._backend.opened()
        unhosted = set(await backend.ids()) - set(await self._directory.sandboxes())
        for sandbox in unhosted & self._unhosted:
            await backend.remove(sandbox)
            log.info("unhosted_sandbox_removed", sandbox=sandbox)
        self._unhosted = unhosted

    async def _places_left(self) -> bool:
        """Give up the places of this node without a sandbox; whether others are left."""
        hosted = {place for place, _ in (await self._directory.sandboxes()).values()}
        here = await self._directory.places_here()
        for place in here - hosted:
            await self._directory.remove_place(place)
            log.info("deserted_place_given_up", place=place)
        return bool(here & hosted)

    def _attend(self) -> None:
        self._attended = time.monotonic()

    def _of(self, arrival: str) -> tuple[str, Arrival]:
        if arrival not in self._arriving:
            raise SandboxStartError("the node's steward was started anew while data arrived")
        return self._arriving[arrival]
