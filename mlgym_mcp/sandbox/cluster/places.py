"""Places: what a session has of the cluster, reserved for its life, first come first served.

Ray keeps no order among those who wait. So one place at a time is asked for, and the next when that one is taken: large
ones are not starved by small ones. The exception is a place that waits for GPUs alone, which keeps no place without any
from being taken; there is one queue for either.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial

import anyio
import structlog

from mlgym_mcp.sandbox.base import GIB, Wanted
from mlgym_mcp.sandbox.cluster.connection import answer, asked, done
from mlgym_mcp.sandbox.cluster.directory import Directory, free, nodes
from mlgym_mcp.sandbox.cluster.gpus import ClusterGpus, assigned
from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.process import Progress

LOOK = 1.0
"""Seconds that Ray is waited for at once; in between whoever waits is told how it stands, and may leave."""
DEVICES_LIMIT = 120.0
"""Seconds within which a node starts a process that tells which devices a place has."""

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Turn:
    """One who waits."""

    wanted: Wanted
    news: anyio.Event = field(default_factory=anyio.Event)


class ClusterPlaces:
    """The places of one data folder, and who waits for them on this server."""

    def __init__(self, directory: Directory, gpus: ClusterGpus, share: float = 1.0) -> None:
        """`share`: how often CPUs and memory are given out."""
        self._directory = directory
        self._gpus = gpus
        self._share = share
        self._waiting: deque[_Turn] = deque()
        self._taken: set[str] = set()

    async def take(self, place: str, wanted: Wanted, say: Progress) -> None:
        """Take a place once everybody before has theirs; at once if it is taken already. `say` is told how it goes.

        Raises:
            SandboxError: the cluster's head gives no answer.
        """
        if await self._directory.group(place) is not None:
            return
        turn = _Turn(wanted)
        self._taken.add(place)
        self._waiting.append(turn)
        try:
            while (before := self._before(turn)) and not await self._may_pass(turn, before):
                turn.news = anyio.Event()
                await say(f"waits for its turn on the cluster; {len(before)} wait before this one")
                with anyio.move_on_after(LOOK):
                    await turn.news.wait()
            await self._reserve(place, turn, say)
        finally:
            self._waiting.remove(turn)
            self._tell()

    async def give(self, place: str) -> None:
        """Let others have it; a no-op when it was not taken."""
        self._taken.discard(place)
        await self._directory.remove_place(place)

    async def left(self) -> list[str]:
        """The places that were taken and not given by other servers of this data folder, or failed to be given."""
        return [place for place in await self._directory.places() if place not in self._taken]

    async def devices(self, place: str) -> tuple[Gpu, ...]:
        """The GPUs that Ray has assigned to a place; none if it was not taken."""
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        if (group := await self._directory.group(place)) is None or not (count := group.bundle_specs[0].get("GPU")):
            return ()
        # A process that takes all of them, for as long as it takes to say which.
        task = ray.remote(num_cpus=0, num_gpus=count, max_retries=0)(assigned)
        asking = task.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, 0)).remote()
        node, devices = await answer(asking, within=DEVICES_LIMIT)
        return self._gpus.note(node, devices)

    async def _reserve(self, place: str, turn: _Turn, say: Progress) -> None:
        from ray.util import placement_group

        wanted = turn.wanted
        group = await done(
            partial(placement_group, bundle_label_selector=[dict(wanted.labels)] if wanted.labels else None),
            [_resources(wanted, self._share)],
            name=f"{self._directory.owner}/place/{place}",
            lifetime="detached",
        )
        try:
            while not await asked(group.wait, LOOK):
                await say(await self._outlook(wanted))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.give(place)
            raise

    def _before(self, turn: _Turn) -> list[_Turn]:
        return list(self._waiting)[: self._waiting.index(turn)]

    async def _may_pass(self, turn: _Turn, before: list[_Turn]) -> bool:
        """Whether all who wait before do so for GPUs, and this one wants none."""
        if turn.wanted.gpus or not all(other.wanted.gpus for other in before):
            return False
        wanted = before[0].wanted
        return not any(node.has({"GPU": wanted.gpus}, wanted.labels) for node in await free())

    async def _outlook(self, wanted: Wanted) -> str:
        resources = _resources(wanted, self._share)
        if not any(node.has(resources, wanted.labels) for node in await nodes()):
            return f"waits for a node of the cluster with {_words(wanted)}: none has as much, even with nothing on it"
        return f"waits for {_words(wanted)} on one node of the cluster; this one is the next"

    def _tell(self) -> None:
        for turn in self._waiting:
            turn.news.set()


def _resources(wanted: Wanted, share: float) -> dict[str, float]:
    """What Ray counts of it."""
    resources = {"CPU": wanted.cpus / share, "memory": wanted.memory // share, "GPU": float(wanted.gpus)}
    return {kind: amount for kind, amount in resources.items() if amount}


def _words(wanted: Wanted) -> str:
    kinds = [f"{wanted.cpus:g} CPUs", f"{wanted.memory / GIB:.3g} GiB of memory"]
    kinds += [f"{wanted.gpus} GPUs"] if wanted.gpus else []
    kinds += [f"{label}={value}" for label, value in wanted.labels.items()]
    return f"{', '.join(kinds[:-1])} and {kinds[-1]}"
