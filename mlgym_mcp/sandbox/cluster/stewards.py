"""The stewards of all nodes, as the server asks them: one is started when its node first gets a sandbox."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from mlgym_mcp.sandbox.base import Backend, Mount
from mlgym_mcp.sandbox.cluster.connection import answer, done
from mlgym_mcp.sandbox.cluster.directory import Directory
from mlgym_mcp.sandbox.cluster.host import OpenBackend
from mlgym_mcp.sandbox.cluster.steward import Steward
from mlgym_mcp.sandbox.cluster.wares import Ware, bring

PREPARE_LIMIT = 3600.0
"""Seconds that a node may take to make an environment."""
WARES = "wares"

OpenOnNode = Callable[[Path], AbstractAsyncContextManager[Backend]]
"""Opens a node's ordinary backend, on that node, with its data in a folder there."""


@dataclass(frozen=True, slots=True)
class NodeFolders:
    """Where nodes keep what is theirs, and how they open their backends."""

    root: Path
    open_on_node: OpenOnNode

    def of(self, node: str) -> Path:
        """The folder of one node; others may share its disk."""
        return self.root / node[:16]

    def opening(self, node: str) -> OpenBackend:
        """How a node's backend is opened."""
        return partial(self.open_on_node, self.of(node))


class Stewards:
    """The stewards of one data folder."""

    def __init__(self, directory: Directory, folders: NodeFolders, patience: float) -> None:
        """`patience`: seconds that one waits for a server."""
        self._directory = directory
        self._folders = folders
        self._patience = patience
        self._known: dict[str, Any] = {}
        self._bringing: defaultdict[tuple[str, str], anyio.Lock] = defaultdict(anyio.Lock)

    def known(self, node: str) -> Any | None:
        """The steward of a node that this server has asked before."""
        return self._known.get(node)

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
        folders = self._folders
        new = ray.remote(Steward).options(**options).remote
        arguments = folders.opening(node), self._directory, folders.of(node) / WARES, self._patience
        steward: Any = await done(new, *arguments)
        if node not in self._known:
            steward.watch.remote()
        self._known[node] = steward
        return steward

    async def prepare(self, node: str, profile: str) -> str:
        """Make a profile's environment on a node that has none; its digest."""
        return str(await answer((await self.of(node)).prepare.remote(profile), within=PREPARE_LIMIT))

    async def lay(self, node: str, mounts: Sequence[Mount]) -> tuple[Mount, ...]:
        """Bring to a node what it has not of these; the same mounts, as they are there.

        Raises:
            SandboxError: something did not arrive.
        """
        wares = [await Ware.of(mount.source) for mount in mounts]
        steward = await self.of(node)
        folder, there = await answer(steward.wares.remote())
        for ware in wares:
            if ware.name in there:
                continue
            async with self._bringing[node, ware.name]:
                if ware.name not in (await answer(steward.wares.remote()))[1]:
                    await bring(ware, steward)
        return tuple(Mount(ware.place(folder), mount.target) for ware, mount in zip(wares, mounts, strict=True))

    def attend(self) -> None:
        """Tell those that this server knows that it is there."""
        for steward in self._known.values():
            steward.attend.remote()
