"""A cluster that is only simulated: nodes with CPUs, memory and GPUs, and sandboxes that take time and do nothing.

What is taken of it comes from two queues, as on a real one: the server's, for all nodes together, and here for a node
that has room for the whole sandbox. Both are served first come first served.
"""

import random
from collections import deque
from dataclasses import dataclass, field

import anyio

from mlgym_mcp.sandbox.base import GIB, Limits, SandboxSpec
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.fake.guest import FakeGuest
from mlgym_mcp.sandbox.fake.stream import FakeStream, Reply
from mlgym_mcp.sandbox.frames import Header
from pretence import judge

BUSY = b"hang "
"""How a command begins that goes on for as many seconds as it says."""


@dataclass(slots=True)
class Node:
    """One machine: what is free there. Memory in bytes."""

    cpus: float
    memory: int

    def fits(self, limits: Limits) -> bool:
        """Whether there is room."""
        return self.cpus >= limits.cpus and self.memory >= limits.memory

    def take(self, limits: Limits, times: int = 1) -> None:
        """Take room, or with -1 give it back."""
        self.cpus = round(self.cpus - times * limits.cpus, 6)
        self.memory -= times * limits.memory


@dataclass(frozen=True, slots=True)
class Size:
    """How large a cluster is; all nodes are alike."""

    nodes: int = 16
    cpus: int = 64
    memory: int = 512 * GIB
    gpus: int = 8
    """Whoever has one has its share of the node's CPUs, so GPUs are never what is short first."""


class Nodes:
    """The nodes of a cluster, and who waits for one."""

    def __init__(self, size: Size) -> None:
        self._nodes = [Node(size.cpus, size.memory) for _ in range(size.nodes)]
        self._held: dict[str, tuple[Node, Limits, float]] = {}
        """By sandbox, with the time since when."""
        self._waiting: deque[str] = deque()
        self._changed = anyio.Event()
        self.waits: list[float] = []
        """Seconds that each who had a place waited for a node."""
        self.used = 0.0
        """CPUs × seconds that were held."""

    async def take(self, sandbox: str, limits: Limits) -> None:
        """Give a sandbox the fullest node that has room for it, in turn."""
        began = anyio.current_time()
        self._waiting.append(sandbox)
        try:
            while self._waiting[0] != sandbox or not (fitting := [node for node in self._nodes if node.fits(limits)]):
                await self._changed.wait()
        finally:
            self._waiting.remove(sandbox)
            self._tell()
        node = min(fitting, key=lambda node: node.cpus)
        self._hold(sandbox, node, limits)
        self.waits.append(anyio.current_time() - began)

    def take_beside(self, sandbox: str, limits: Limits) -> None:
        """Give a judge room at once, on whichever node has most: its session waits for it."""
        self._hold(sandbox, max(self._nodes, key=lambda node: node.cpus), limits)

    def give(self, sandbox: str) -> None:
        """Take back what a sandbox had, if it had something."""
        if held := self._held.pop(sandbox, None):
            node, limits, since = held
            node.take(limits, -1)
            self.used += limits.cpus * (anyio.current_time() - since)
            self._tell()

    def _hold(self, sandbox: str, node: Node, limits: Limits) -> None:
        node.take(limits)
        self._held[sandbox] = node, limits, anyio.current_time()

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
        if any(mount.target == "/hidden" for mount in spec.mounts):
            self.nodes.take_beside(spec.id, spec.limits)
        else:
            self.let_in[spec.id] = anyio.current_time()
            await self.nodes.take(spec.id, spec.limits)
        await anyio.sleep(self.dice.expovariate(1 / self.start_s))
        self.guests[spec.id] = BusyGuest(spec, judge)
        self.most = max(self.most, len(self.guests))

    async def remove(self, sandbox_id: str) -> None:
        """End a sandbox, and free its place."""
        await super().remove(sandbox_id)
        self.nodes.give(sandbox_id)
