"""The backend: one actor a sandbox, on the node of its place."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import anyio

from mlgym_mcp.errors import BackendUnavailable, SandboxError, SandboxGone, SandboxStartError
from mlgym_mcp.sandbox.base import SandboxSpec, Usage
from mlgym_mcp.sandbox.cluster.connection import Unreachable, answer, asked, done
from mlgym_mcp.sandbox.cluster.directory import Directory, nodes
from mlgym_mcp.sandbox.cluster.gpus import ClusterGpus
from mlgym_mcp.sandbox.cluster.host import Host
from mlgym_mcp.sandbox.cluster.node_backend import OpenBackend
from mlgym_mcp.sandbox.cluster.places import ClusterPlaces
from mlgym_mcp.sandbox.cluster.steward import WaresFolder
from mlgym_mcp.sandbox.cluster.stewards import Stewards
from mlgym_mcp.sandbox.cluster.stream import RelayedStream
from mlgym_mcp.sandbox.process import Progress, silent

START_LIMIT = 180.0
"""Seconds within which a node starts an actor and its sandbox."""
REMOVE_LIMIT = 25.0
RESTARTS = 3
"""How often Ray starts the actor of a sandbox again, whose process was killed."""
NO_NODE = "no node of the cluster has CPUs to give"
NO_WAY_OUT = (
    "this task may reach hosts, through a proxy that sandboxes on a cluster don't reach; "
    "start a server with --sandbox bubblewrap or docker for it"
)


@dataclass(frozen=True, slots=True)
class _Hosted:
    """The actor of a sandbox, and where it is."""

    host: Any
    place: str
    node: str


class ClusterBackend:
    """Makes sandboxes on the nodes of a cluster that this process is connected to."""

    def __init__(
        self,
        owner: str,
        open_backend: OpenBackend,
        wares_folder: WaresFolder,
        *,
        kind: str = "bubblewrap",
        share: float = 1.0,
        patience: float = 900.0,
    ) -> None:
        """Nothing is started yet.

        Args:
            owner: names the data folder among others' on the cluster.
            open_backend: opens the backend of the node on which it is called.
            wares_folder: tells where that keeps what sandboxes mount.
            kind: of what kind those backends are.
            share: how often nodes' CPUs and memory are given out.
            patience: seconds without a server after which nodes give up what has no sandbox.
        """
        self.name = f"ray+{kind}"
        self._directory = Directory(owner)
        self._open_backend = open_backend
        self._stewards = Stewards(self._directory, open_backend, wares_folder, patience)
        self._hosted: dict[str, _Hosted] = {}
        self._digests: dict[str, str] = {}
        self.gpus = ClusterGpus(self._directory.steward)
        self.places = ClusterPlaces(self._directory, self.gpus, share)

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox on the node of its place, or where the fewest are; on return its guest listens.

        Raises:
            BackendUnavailable: it has a way out.
            SandboxStartError: it could not be started; nothing of it is left.
        """
        if spec.has_way_out:
            raise BackendUnavailable(NO_WAY_OUT)
        if await self._find(spec.id) is not None:
            raise SandboxStartError(f"there is a sandbox {spec.id} already")
        node, strategy = await self._where(spec.place)
        if any(self.gpus.node_of(gpu.uuid) != node for gpu in spec.gpus):
            raise SandboxStartError("the node of the session's GPUs is gone")
        mounts = await self._stewards.furnish(node, spec.profile, spec.mounts)
        hosted = _Hosted(await self._new_host(spec, node, strategy), spec.place, node)
        self._hosted[spec.id] = hosted
        try:
            digest = await answer(hosted.host.start.remote(replace(spec, mounts=mounts)), within=START_LIMIT)
            self._require_same(spec.profile, digest)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.remove(spec.id)
            raise

    async def connect(self, sandbox_id: str) -> RelayedStream:
        """Open a new stream to the guest."""
        hosted = await self._living(sandbox_id)
        return RelayedStream(hosted.host, await answer(hosted.host.connect.remote()))

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the sandbox runs.

        Raises:
            SandboxError: its node lives and gives no answer.
        """
        try:
            hosted = await self._living(sandbox_id)
            return bool(await answer(hosted.host.alive.remote()))
        except Unreachable as error:
            raise SandboxError(str(error)) from None
        except SandboxGone:
            return False

    async def usage(self, sandbox_id: str) -> Usage:
        """What the sandbox uses now."""
        usage = await answer((await self._living(sandbox_id)).host.usage.remote())
        assert isinstance(usage, Usage)
        return usage

    async def remove(self, sandbox_id: str) -> None:
        """End the sandbox and its actor.

        What an actor that is gone has left on a node that this server does not know, the node's steward removes.
        """
        import ray

        if (hosted := await self._find(sandbox_id)) is None:
            return
        if not await self._lost(hosted):
            try:
                await answer(hosted.host.remove.remote(), within=REMOVE_LIMIT)
            except Unreachable:
                raise
            except SandboxGone:
                await answer((await self._stewards.of(hosted.node)).remove.remote(sandbox_id), within=REMOVE_LIMIT)
        await asked(ray.kill, hosted.host)
        self._hosted.pop(sandbox_id, None)

    async def ids(self) -> list[str]:
        """The ids of all sandboxes whose actors live."""
        self._stewards.attend()
        return sorted(await self._directory.sandboxes())

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Make the profile's image or environment on one node; others make theirs when they first need it."""
        node = await self._fewest()
        await progress(f"making the environment {profile} on a node of the cluster, unless it has it")
        digest = self._digests[profile] = await self._stewards.prepare(node, profile)
        return digest

    async def _new_host(self, spec: SandboxSpec, node: str, strategy: Any) -> Any:
        import ray

        actor = ray.remote(Host).options(
            name=self._directory.sandbox(spec.place, node, spec.id),
            lifetime="detached",
            num_cpus=0,  # its place has them
            max_restarts=RESTARTS,
            scheduling_strategy=strategy,
        )
        try:
            return await done(actor.remote, self._open_backend, spec.id)
        except ValueError:
            raise SandboxStartError(f"there is a sandbox {spec.id} already") from None

    async def _where(self, place: str) -> tuple[str, Any]:
        """The node for a sandbox of this place, and how Ray is told."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

        if (group := await self._directory.group(place)) is not None:
            if (node := await self._directory.node_of(group)) is None:
                raise SandboxStartError("the node of the session's place is gone")
            return node, PlacementGroupSchedulingStrategy(group, 0)
        # Nothing is reserved: a judge whose session is over. Its contestants go where it is.
        beside = (hosted.node for hosted in self._hosted.values() if place and hosted.place == place)
        node = next(beside, None) or await self._fewest()
        return node, NodeAffinitySchedulingStrategy(node, soft=False)

    async def _fewest(self) -> str:
        """The node on which this server has the fewest sandboxes."""
        hosted = Counter(one.node for one in self._hosted.values())
        if not (there := await nodes()):
            raise BackendUnavailable(NO_NODE, "ray start --address=… on another machine")
        return min(there, key=lambda node: hosted[node.id] / node.resources["CPU"]).id

    async def _find(self, sandbox_id: str) -> _Hosted | None:
        if (known := self._hosted.get(sandbox_id)) is not None:
            return known
        named = (await self._directory.sandboxes()).get(sandbox_id)
        if named is None or (host := await self._directory.actor(self._directory.sandbox(*named, sandbox_id))) is None:
            return None
        place, node = named
        return self._hosted.setdefault(sandbox_id, _Hosted(host, place, node))

    async def _living(self, sandbox_id: str) -> _Hosted:
        """The actor of a sandbox, on a node that lives: of one that is lost Ray may start it anew elsewhere, or try to.

        Raises:
            SandboxGone: there is none.
        """
        hosted = await self._find(sandbox_id)
        if hosted is None or await self._lost(hosted):
            raise SandboxGone("the sandbox is no longer alive")
        return hosted

    async def _lost(self, hosted: _Hosted) -> bool:
        there = {node.id for node in await nodes()}
        if not there:
            raise SandboxError("the cluster's head knows of no node")
        return hosted.node not in there

    def _require_same(self, profile: str, digest: str) -> None:
        # Scores name the environment by the digest of the node that prepared it.
        if self._digests.setdefault(profile, digest) != digest:
            raise SandboxStartError(
                f"the nodes' environments of {profile} differ: they need the same version of Python, "
                "and packages from the same index"
            )
