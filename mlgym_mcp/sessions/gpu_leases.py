"""GPU leases: whole devices, each lent to one session at a time, first come first served.

Who has which device stands in the store, so that servers of one data folder don't lend the same twice, and a server
that starts anew finds them lent to the sessions that live on. Servers of other data folders see a claim (`GpuClaims`).
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp.errors import GpuFailed
from mlgym_mcp.sandbox.gpus import Gpu, GpuInventory
from mlgym_mcp.sessions.clock import Clock
from mlgym_mcp.sessions.gpu_claims import GpuClaims
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import GpuLease, Store

LOOK = 2.0
"""Seconds between two looks at what another server, or a program of somebody else's, may have given up."""
IN_USE = 0.1
"""The share of a device's memory whose use means that somebody else's program runs there."""
REMEMBERED = 32
"""Leases by whose length the next ones are estimated."""

Say = Callable[[str], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Turn:
    """One `start` that waits."""

    count: int


class GpuLeases:
    """The devices of one server, and who waits for them."""

    def __init__(self, inventory: GpuInventory, store: Store, clock: Clock, claims: GpuClaims) -> None:
        self.inventory = inventory
        self._claims = claims
        self._store = store
        self._clock = clock
        self._waiting: deque[_Turn] = deque()
        self._lengths: deque[float] = deque(maxlen=REMEMBERED)
        self._changed = anyio.Event()

    async def devices(self) -> list[Gpu]:
        """What can be lent at all.

        Raises:
            SetupError: the operator names devices that are not there.
        """
        return await to_thread.run_sync(self.inventory.devices)

    async def of(self, session: str) -> tuple[Gpu, ...]:
        """The devices of a session, claimed anew if it was begun by a server that is gone."""
        held = {lease.device for lease in self._store.gpu_leases.all() if lease.session == session}
        for device in held:
            self._claims.take(device)
        return tuple(gpu for gpu in await self.devices() if gpu.uuid in held) if held else ()

    async def most(self) -> int:
        """How many one session can have at most."""
        return len(await self.devices())

    async def take(self, session: str, count: int, say: Say) -> None:
        """Lend `count` devices to a session once everybody before has theirs; `say` is told how that goes.

        A session that has been lent devices keeps them: it was begun by a server that is gone.
        """
        if await self.of(session):
            return
        turn = _Turn(count)
        self._waiting.append(turn)
        try:
            while not await self._lend(session, turn):
                await say(await self._outlook(turn))
                with anyio.move_on_after(LOOK):
                    await self._changed.wait()
        finally:
            self._waiting.remove(turn)
            self._tell()

    def give(self, session: str) -> None:
        """Take back what a session was lent."""
        ended = [lease for lease in self._leases() if lease.session == session]
        self._lengths.extend(self._clock.now() - lease.at for lease in ended)
        self._store.gpu_leases.give(session)
        for lease in ended:
            self._claims.give(lease.device)
        self._tell()

    async def _lend(self, session: str, turn: _Turn) -> bool:
        if self._waiting[0] is not turn:
            return False
        lent = {lease.device for lease in self._leases()}
        free = [gpu for gpu in await self.devices() if gpu.uuid not in lent]
        fit = await to_thread.run_sync(lambda: [gpu for gpu in free if self._fit(gpu)])
        claimed = [gpu.uuid for gpu in fit if self._claims.take(gpu.uuid)]
        picked = claimed[: turn.count]
        taken = len(picked) == turn.count and self._store.gpu_leases.take(session, picked, at=self._clock.now())
        for device in claimed:
            if not taken or device not in picked:
                self._claims.give(device)
        return taken

    def _leases(self) -> list[GpuLease]:
        """All leases but those of sessions that were over when their server went; these end here."""
        leases = []
        for lease in self._store.gpu_leases.all():
            row = self._store.sessions.get(lease.session)
            if row is None or (row.state not in LIVE and self._store.instance.free(row.owner)):
                self._store.gpu_leases.give(lease.session)
            else:
                leases.append(lease)
        return leases

    def _fit(self, gpu: Gpu) -> bool:
        """Whether a device answers and nobody else's program uses it."""
        try:
            use = self.inventory.use(gpu.uuid)
        except GpuFailed as error:
            log.warning("gpu_set_aside", gpu=gpu.uuid, reason=str(error))
            return False
        return use.memory <= IN_USE * gpu.memory and not use.processes

    async def _outlook(self, turn: _Turn) -> str:
        devices = len(await self.devices())
        place = self._waiting.index(turn)
        lent = len(self._leases())
        state = f"{lent} of {devices} GPUs are lent" + ("" if lent == devices else ", of the others too few are free")
        before = f"{place} wait before this one" if place else "this one is the next"
        if not self._lengths:
            return f"{state}; {before}"
        wanted = sum(other.count for other in list(self._waiting)[: place + 1])
        seconds = sum(self._lengths) / len(self._lengths) * wanted / devices
        return f"{state}; {before}; about {max(1, round(seconds / 60))} min, by the last sessions' length"

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
