"""A cluster that is only simulated: nodes with CPUs, memory and GPUs, and sandboxes that take time and do nothing.

What is taken of it comes from two queues, as on a real one: the server's, for all nodes together, and here for a node
that has room for the whole sandbox. Both are served first come first served.
"""

import random
from collections import deque
from dataclasses import dataclass, field, replace

import anyio
from kinds import kind_of
from pretence import judge

from mlgym_mcp.sandbox.base import GIB, SandboxSpec
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.fake.guest import FakeGuest
from mlgym_mcp.sandbox.fake.stream import FakeStream, Reply
from mlgym_mcp.sandbox.frames import Header

BUSY = b"hang "
"""How a command begins that goes on for as many seconds as it says."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a sandbox takes, or a node has free. Memory in bytes."""

    cpus: float
    memory: int
    gpus: int

    def fits(self, wanted: "Room") -> bool:
        """Whether there is as much."""
        return self.cpus >= wanted.cpus and self.memory >= wanted.memory and self.gpus >= wanted.gpus

    def __add__(self, other: "Room") -> "Room":
        return Room(self.cpus + other.cpus, self.memory + other.memory, self.gpus + other.gpus)

    def __neg__(self) -> "Room":
        return Room(-self.cpus, -self.memory, -self.gpus)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a cluster is; all nodes are alike."""

    nodes: int = 16
    cpus: int = 64
    memory: int = 512 * GIB
    gpus: int = 8


class Nodes:
    """The nodes of a cluster, and who waits for one."""

    def __init__(self, size: Size) -> None:
        self._free = [Room(size.cpus, size.memory, size.gpus)] * size.nodes
        self._held: dict[str, tuple[int, Room, float]] = {}
        """By sandbox: which node, what of it, and since when."""
        self._waiting: deque[str] = deque()
        self._changed = anyio.Event()
        self.waits: list[float] = []
        """Seconds that each who had a place waited for a node."""
        self.used = 0.0
        """CPUs × seconds that were held."""

    async def take(self, sandbox: str, room: Room) -> None:
        """Give a sandbox the fullest node that has room for it, in turn."""
        began = anyio.current_time()
        self._waiting.append(sandbox)
        try:
            while self._waiting[0] != sandbox or not any(free.fits(room) for free in self._free):
                await self._changed.wait()
        finally:
            self._waiting.remove(sandbox)
            self._tell()
        fitting = [node for node, free in enumerate(self._free) if free.fits(room)]
        self._hold(sandbox, min(fitting, key=self._cpus), room)
        self.waits.append(anyio.current_time() - began)

    def take_beside(self, sandbox: str, room: Room) -> None:
        """Give a judge room at once, on whichever node has most: its session waits for it, on its own GPUs."""
        self._hold(sandbox, max(range(len(self._free)), key=self._cpus), replace(room, gpus=0))

    def give(self, sandbox: str) -> None:
        """Take back what a sandbox had, if it had something."""
        if held := self._held.pop(sandbox, None):
            node, room, since = held
            self._free[node] += room
            self.used += room.cpus * (anyio.current_time() - since)
            self._tell()

    def _hold(self, sandbox: str, node: int, room: Room) -> None:
        self._free[node] += -room
        self._held[sandbox] = node, room, anyio.current_time()

    def _cpus(self, node: int) -> float:
        return self._free[node].cpus

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


class BusyGuest(FakeGuest):
    """A guest whose commands may take time."""

    def _op_run(self, stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
        super()._op_run(stream, header, body, reply)
        if body.startswith(BUSY):
            job = self.jobs.all()[-1]
            stream.later(float(body.removeprefix(BUSY)), lambda: job.finish(0) if job.running else None)


@dataclass
class Cluster(FakeBackend):
    """A backend whose sandboxes lie on nodes, and take a while to start."""

    size: Size
    dice: random.Random
    start_s: float = 5.0
    """How long a sandbox takes to start, on average."""
    nodes: Nodes = field(init=False)
    let_in: dict[str, float] = field(default_factory=dict)
    """When the turn of each session's sandbox came, on the event loop's clock."""
    most: int = 0
    """Sandboxes at once, at most."""

    def __post_init__(self) -> None:
        super().__init__(start_program=judge)
        self.nodes = Nodes(self.size)

    async def start(self, spec: SandboxSpec) -> None:
        """Make a sandbox, once there is a node for it."""
        kind = kind_of(spec.limits)
        room = Room(kind.cpus, kind.memory, kind.gpus)
        if any(mount.target == "/hidden" for mount in spec.mounts):
            self.nodes.take_beside(spec.id, room)
        else:
            self.let_in[spec.id] = anyio.current_time()
            await self.nodes.take(spec.id, room)
        await anyio.sleep(self.dice.expovariate(1 / self.start_s))
        self.guests[spec.id] = BusyGuest(spec, self._start_program)
        self.most = max(self.most, len(self.guests))

    async def remove(self, sandbox_id: str) -> None:
        """End a sandbox, and free its place."""
        await super().remove(sandbox_id)
        self.nodes.give(sandbox_id)
