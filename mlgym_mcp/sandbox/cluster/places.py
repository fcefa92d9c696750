"""Places: what a session has of the cluster, reserved for its life, first come first served.

Ray keeps no order among those who wait. So one place at a time is asked for, and the next when that one is taken: large
ones are not starved by small ones. The exceptions are a place that waits for GPUs alone, which keeps no place without
any from being taken, and one that no node could give, which steps aside until one can.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from mlgym_mcp.sandbox.base import GIB, Wanted
from mlgym_mcp.sandbox.cluster.connection import answer, asked, done
from mlgym_mcp.sandbox.cluster.directory import Directory, free, nodes
from mlgym_mcp.sandbox.cluster.gpus import ClusterGpus, assigned
from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.process import Progress

LOOK = 1.0
"""Seconds that Ray is waited for at once; in between whoever is next is told how it stands, and may leave."""
PAUSE = 5.0
"""Seconds between two looks for a node that could be large enough."""
DEVICES_LIMIT = 120.0
"""Seconds within which a node starts a process that tells which devices a place has."""


@dataclass(eq=False, slots=True)
class _Turn:
    """One who waits."""

    number: int
    """In the order of coming."""
    wanted: Wanted
    news: anyio.Event = field(default_factory=anyio.Event)


class ClusterPlaces:
    """The places of one data folder, and who waits for them on this server."""

    def __init__(self, directory: Directory, gpus: ClusterGpus, share: float = 1.0) -> None:
        """`share`: how often CPUs and memory are given out."""
        self._directory = directory
        self._gpus = gpus
        self._share = share
        self._count = 0
        self._lanes: tuple[deque[_Turn], deque[_Turn]] = deque(), deque()
        """Who wants no GPUs, and who does."""
        self._wanted: set[str] = set()
        """The places that this server has, or waits for."""
        self._taken: set[str] = set()

    async def take(self, place: str, wanted: Wanted, say: Progress) -> None:
        """Take a place once everybody before has theirs; at once if it is taken already. `say` is told how it goes.

        Raises:
            SandboxError: the cluster's head gives no answer.
        """
        if place in self._taken:
            return
        self._wanted.add(place)
        try:
            while not await self._taken_in_turn(place, wanted, say):
                # Whom no node could hold, even with nothing on it, keeps nobody from a place.
                while not await self._possible(wanted):
                    await say(f"waits for a node of the cluster with {_words(wanted)}: none has as much in all")
                    await anyio.sleep(PAUSE)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.give(place)
            raise
        self._taken.add(place)

    async def give(self, place: str) -> None:
        """Let others have it; a no-op when it was not taken."""
        self._wanted.discard(place)
        self._taken.discard(place)
        await self._directory.remove_place(place)

    async def left(self) -> list[str]:
        """The places that were taken and not given by other servers of this data folder, or failed to be given."""
        return [place for place in await self._directory.places() if place not in self._wanted]

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

    async def _taken_in_turn(self, place: str, wanted: Wanted, say: Progress) -> bool:
        """Wait for the turn, and then for room; False when no node could ever give it."""
        self._count += 1
        turn, lane = _Turn(self._count, wanted), self._lanes[bool(wanted.gpus)]
        lane.append(turn)
        try:
            if await self._left_to_us(place):
                return True
            while lane[0] is not turn:
                turn.news = anyio.Event()
                await say(self._turn_of(turn))
                self._pass_on(lane, turn)
                await turn.news.wait()
            while not await self._may(turn):
                await say(self._turn_of(turn))
                await anyio.sleep(LOOK)
            return await self._reserved(place, wanted, say)
        finally:
            lane.remove(turn)
            if lane:
                lane[0].news.set()

    async def _reserved(self, place: str, wanted: Wanted, say: Progress) -> bool:
        from ray.util import placement_group

        group: Any = await done(
            partial(placement_group, bundle_label_selector=[dict(wanted.labels)] if wanted.labels else None),
            [_resources(wanted, self._share)],
            name=f"{self._directory.owner}/place/{place}",
            lifetime="detached",
        )
        while not await asked(group.wait, LOOK):
            if not await self._possible(wanted):
                await self._directory.remove_place(place)
                return False
            await say(f"waits for {_words(wanted)} on one node of the cluster; this one is the next")
        return True

    async def _left_to_us(self, place: str) -> bool:
        """Whether a server that is gone has taken it; what it only waited for is given up."""
        if (group := await self._directory.group(place)) is None:
            return False
        if await self._directory.node_of(group):
            return True
        await self._directory.remove_place(place)
        return False

    async def _possible(self, wanted: Wanted) -> bool:
        """Whether any node could hold it with nothing else on it."""
        resources = _resources(wanted, self._share)
        return any(node.has(resources, wanted.labels) for node in await nodes())

    async def _may(self, turn: _Turn) -> bool:
        """Whether nobody of the other lane came before, or only such as wait for GPUs, of which this one wants none."""
        other = next(iter(self._lanes[not turn.wanted.gpus]), None)
        if other is None or other.number > turn.number:
            return True
        if turn.wanted.gpus:
            return False
        wanted = other.wanted
        return not any(node.has({"GPU": wanted.gpus}, wanted.labels) for node in await free())

    def _turn_of(self, turn: _Turn) -> str:
        before = sum(other.number < turn.number for lane in self._lanes for other in lane)
        return f"waits for its turn on the cluster; {before} wait before this one"

    def _pass_on(self, lane: deque[_Turn], turn: _Turn) -> None:
        # From each to the next: were all told at once, a long queue would keep everybody else waiting for a moment.
        after = lane.index(turn) + 1
        if after < len(lane):
            lane[after].news.set()


def _resources(wanted: Wanted, share: float) -> dict[str, float]:
    """What Ray counts of it."""
    resources = {"CPU": wanted.cpus / share, "memory": wanted.memory // share, "GPU": float(wanted.gpus)}
    return {kind: amount for kind, amount in resources.items() if amount}


def _words(wanted: Wanted) -> str:
    kinds = [f"{wanted.cpus:g} CPUs", f"{wanted.memory / GIB:.3g} GiB of memory"]
    kinds += [f"{wanted.gpus} GPUs"] if wanted.gpus else []
    kinds += [f"{label}={value}" for label, value in wanted.labels.items()]
    return f"{', '.join(kinds[:-1])} and {kinds[-1]}"
