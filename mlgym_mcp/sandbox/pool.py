"""The warm pool: sandboxes that are started before anybody asks for them.

They are kept only of kinds that somebody has asked for once. A kind is all that a `SandboxSpec` says but whose it is:
profile, limits, mounts, variables. Nothing has run in a warm sandbox, and each is given out once.
"""

import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import anyio
import structlog
from anyio.abc import TaskGroup

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.sandbox.base import Backend, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest

KEPT_S = 600.0
LIFETIME = KEPT_S + 60.0
"""Seconds after which its guest ends it, should nobody be left to do it."""
REMOVE_GRACE = 5.0
"""Seconds that removing one may take, also while the server ends; the next sweep removes what is left then."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Warm:
    """A sandbox that waits to be taken."""

    guest: Guest
    taken: anyio.Event = field(default_factory=anyio.Event)


class WarmPool:
    """The warm sandboxes of one backend. Those that nobody has taken are removed when the task group ends."""

    def __init__(
        self,
        backend: Backend,
        task_group: TaskGroup,
        new_sandbox: Callable[[], str],
        *,
        size: int,
        kept_s: float = KEPT_S,
    ) -> None:
        """Nothing is started yet.

        Args:
            backend: makes the sandboxes.
            task_group: what keeps them belongs to it.
            new_sandbox: gives ids whose owner a later sweep can tell.
            size: how many are kept of each kind.
            kept_s: seconds that one is kept without being asked for.
        """
        self._backend = backend
        self._task_group = task_group
        self._new_sandbox = new_sandbox
        self._size = size
        self._kept_s = kept_s
        self._ready: defaultdict[str, deque[_Warm]] = defaultdict(deque)
        self._coming: defaultdict[str, int] = defaultdict(int)
        self._starting = anyio.Lock()
        self.taken = 0
        """How often a warm one was there."""
        self.missed = 0
        """How often none was."""

    @property
    def warm(self) -> int:
        """How many wait to be taken."""
        return sum(map(len, self._ready.values()))

    @property
    def coming(self) -> int:
        """How many are being started."""
        return sum(self._coming.values())

    async def take(self, spec: SandboxSpec) -> Guest | None:
        """The guest of a warm sandbox such as this one, whose id and token are its own; None when there is none."""
        if _personal(spec):
            return None
        ready = self._ready[_kind(spec)]
        while ready:
            warm = ready.popleft()
            warm.taken.set()
            try:
                await warm.guest.hello()
            except SandboxError as error:
                log.warning("warm_sandbox_lost", sandbox=warm.guest.sandbox_id, reason=str(error))
                await self._remove(warm.guest)
            else:
                self.taken += 1
                return warm.guest
        self.missed += 1
        return None

    def fill(self, spec: SandboxSpec) -> None:
        """Start as many sandboxes such as this one as are to be warm, in the background, one after another."""
        if _personal(spec):
            return
        kind = _kind(spec)
        for _ in range(len(self._ready[kind]) + self._coming[kind], self._size):
            self._coming[kind] += 1
            self._task_group.start_soon(self._keep, kind, spec)

    async def _keep(self, kind: str, spec: SandboxSpec) -> None:
        """Start one, and remove it if nobody takes it."""
        structlog.contextvars.clear_contextvars()  # it is nobody's, whatever call it was started after
        try:
            async with self._starting:
                warm = _Warm(await self._start(spec))
        except SandboxError as error:
            log.warning("warm_sandbox_not_started", profile=spec.profile, reason=str(error))
            return
        finally:
            self._coming[kind] -= 1
        self._ready[kind].append(warm)
        try:
            with anyio.move_on_after(self._kept_s):
                await warm.taken.wait()
        finally:
            if not warm.taken.is_set():
                self._ready[kind].remove(warm)
                with anyio.move_on_after(REMOVE_GRACE, shield=True):
                    await self._remove(warm.guest)

    async def _start(self, spec: SandboxSpec) -> Guest:
        spec = replace(spec, id=self._new_sandbox(), token=secrets.token_hex(16), lifetime=LIFETIME)
        await self._backend.start(spec)
        guest = Guest(self._task_group, self._backend, spec.id, spec.token)
        try:
            await guest.hello()  # attended from now on: it does not end for want of a server
        except SandboxError:
            await self._remove(guest)
            raise
        return guest

    async def _remove(self, guest: Guest) -> None:
        await guest.aclose()
        try:
            await self._backend.remove(guest.sandbox_id)
        except SandboxError as error:
            log.warning("sandbox_not_removed", sandbox=guest.sandbox_id, reason=str(error))


def _personal(spec: SandboxSpec) -> bool:
    """Whether it has what is one session's own: devices lent to it, a way out under its name, a place on a cluster."""
    return bool(spec.gpus or spec.place) or spec.has_way_out


def _kind(spec: SandboxSpec) -> str:
    return repr(replace(spec, id="", token="", lifetime=0, orphan_grace=0, env=dict(sorted(spec.env.items()))))
