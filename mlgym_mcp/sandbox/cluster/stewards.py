"""The stewards of all nodes, as the server asks them: one is started when its node first gets a sandbox."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import anyio

from mlgym_mcp.sandbox.base import Mount
from mlgym_mcp.sandbox.cluster.connection import answer, done
from mlgym_mcp.sandbox.cluster.directory import Directory
from mlgym_mcp.sandbox.cluster.node_backend import OpenBackend
from mlgym_mcp.sandbox.cluster.steward import Steward, WaresFolder
from mlgym_mcp.sandbox.cluster.wares import Ware, bring

PREPARE_LIMIT = 3600.0
"""Seconds that a node may take to make an environment."""


class Stewards:
    """The stewards of one data folder."""

    def __init__(self, directory: Directory, open_backend: OpenBackend, wares: WaresFolder, patience: float) -> None:
        """What each steward is given; `patience`: seconds that it waits for a server."""
        self._directory = directory
        self._given = open_backend, directory, wares, patience
        self._known: dict[str, Any] = {}
        self._bringing: defaultdict[tuple[str, str], anyio.Lock] = defaultdict(anyio.Lock)

    async def of(self, node: str) -> Any:
        """The steward of a node, started if there is none."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options: dict[str, Any] = dict(
            name=self._directory.steward(node),
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            max_restarts=-1,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        steward: Any = await done(ray.remote(Steward).options(**options).remote, *self._given)
        self._known[node] = steward
        return steward

    async def prepare(self, node: str, profile: str) -> str:
        """Make a profile's environment on a node that has none; its digest."""
        return await _prepared(await self.of(node), profile)

    async def furnish(self, node: str, profile: str, mounts: Sequence[Mount]) -> tuple[Mount, ...]:
        """Let a node have a profile's environment and what of these it has not; the mounts, as they are there.

        Raises:
            SandboxError: something did not arrive.
        """
        wares = [await Ware.of(mount.source) for mount in mounts]
        names = [ware.name for ware in wares]
        steward = await self.of(node)
        await _prepared(steward, profile)
        folder, missing = await answer(steward.lacks.remote(names))
        for ware in wares:
            if ware.name not in missing:
                continue
            async with self._bringing[node, ware.name]:
                if (await answer(steward.lacks.remote([ware.name])))[1]:
                    await bring(ware, steward)
        return tuple(Mount(ware.place(folder), mount.target) for ware, mount in zip(wares, mounts, strict=True))

    def attend(self) -> None:
        """Tell those that this server knows that it is there."""
        for steward in self._known.values():
            steward.attend.remote()


async def _prepared(steward: Any, profile: str) -> str:
    return str(await answer(steward.prepare.remote(profile), within=PREPARE_LIMIT))
