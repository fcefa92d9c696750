"""The manager: every session of one server, and the task group that all their work belongs to.

A request only waits for work; the work goes on without it, until it is done or the server stops. Sandboxes outlive the
server by their leases, and another server may then go on with their sessions.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from mlgym_mcp.errors import CallerError, StoreError, UnknownSession
from mlgym_mcp.meter import Census
from mlgym_mcp.sandbox.pool import WarmPool
from mlgym_mcp.sessions.alive import alive
from mlgym_mcp.sessions.amounts import Amounts
from mlgym_mcp.sessions.budget import Budget, dump_budget, lowered
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.capacity import Capacity
from mlgym_mcp.sessions.census import take_census
from mlgym_mcp.sessions.changes import Changes
from mlgym_mcp.sessions.cluster_leases import ClusterLeases
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.sessions.errands import errand_id, find_event
from mlgym_mcp.sessions.gpu_claims import GpuClaims
from mlgym_mcp.sessions.gpu_leases import GpuLeases
from mlgym_mcp.sessions.gpu_lending import GpuLending
from mlgym_mcp.sessions.leaderboard import Leaderboard, leaderboard
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.needs import require_possible
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.principal import ANONYMOUS, LOCAL, may_use, require_unguessable
from mlgym_mcp.sessions.readiness import Check, checks
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.sessions.sweep import Sweep
from mlgym_mcp.store import Event, SessionRow
from mlgym_mcp.tasks.spec import TaskSpec

DEFAULT_LIMITS = SessionLimits()
KEY_USED = "This key was used to start a session on {task}; give each `start` and `fork` a key of its own."
FORK_KEY = "fork ⑂ {key}"
"""The key of a fork's own checkpoint; callers' keys are ASCII."""
MANY = 10_000
"""Principals of whom it is known which session they used last; the others have to name theirs."""
NO_SESSION = "There is no session with this handle; `start` makes one."


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What `start` is asked for."""

    task: str
    flavour: str = "auto"
    """`full`, `sample` or `auto`."""
    protocol: str = "strict"
    """`strict` or `mlgym`."""
    gpus: int | None = None
    """How many GPUs; None: as many as the task says."""
    steps: int | None = None
    """A limit lower than the task's; None: the task's."""
    wall_time: float | None = None
    """The same in seconds."""
    aids: tuple[str, ...] = ()
    """What it has beside its sandbox: `memory`, `literature`."""
    agent: str | None = None
    """Whose notes it reads and writes, among its principal's agents."""


class SessionManager:
    """Every session of one server."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._services = shared.services
        self._store = shared.services.store
        self._sessions: dict[str, Session] = {}
        self._adopting: dict[str, Operation[Session]] = {}
        self._last_used: dict[str, str] = {}
        """By principal; those who used theirs last stand last."""
        self._sweep = Sweep(shared.services, self._adopt)
        self._sweeping = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, services: Services, limits: SessionLimits = DEFAULT_LIMITS, drain: Drain | None = None
    ) -> AsyncIterator["SessionManager"]:
        """Open a manager; when the block ends its work is cancelled, and its sandboxes live on by their leases."""
        async with AsyncExitStack() as stack:
            claims = stack.enter_context(GpuClaims.open(services.gpu_claims))
            task_group = await stack.enter_async_context(anyio.create_task_group())
            shared = Shared(
                services=services,
                limits=limits,
                task_group=task_group,
                sandboxes=Capacity(Amounts(limits.max_sessions, limits.max_memory, limits.max_cpus)),
                scoring=Capacity(Amounts(limits.scoring_limit)),
                gpus=_leases(services, claims),
                pool=WarmPool(services.backend, task_group, services.store.sandbox_id, size=limits.pool),
                drain=drain or Drain(),
            )
            try:
                async with alive(shared):
                    yield cls(shared)
            finally:
                task_group.cancel_scope.cancel()

    def census(self) -> Census:
        """How this server stands."""
        return take_census(self._shared, [session.presence for session in self._sessions.values()])

    async def ready(self) -> tuple[Check, ...]:
        """Whether a session could be started now, part by part."""
        return await checks(self._shared)

    @property
    def changes(self) -> Changes:
        """Where the sessions tell of their changes."""
        return self._shared.changes

    async def start(self, request: StartRequest, *, principal: str = LOCAL, call: Call = PATIENT) -> Session:
        """Start a session; it is `open`, or still `waiting` when the caller would wait no longer.

        Raises:
            UnknownTask: there is no such task.
            CallerError: the server hasn't as much as the task or the caller asks for, or too many wait for the same.
            QuotaSpent: the principal has as many sessions as it may.
            SetupError: the operator has to do something first; the session is lost.
            InfrastructureError: it could not be opened; the session is lost.
        """
        self._begin_to_sweep()
        self._forget_finished()
        task = self._services.tasks.get(request.task)
        return await self._open(task, self._row(task, request, principal, call.key), call)

    async def fork(
        self, source: Session, checkpoint: str | None = None, *, principal: str = LOCAL, call: Call = PATIENT
    ) -> Session:
        """Start a session that begins where another was at a checkpoint, or is now, with what it had left to spend.

        Raises:
            CallerError: the source has no such checkpoint; otherwise as for `start`, and as for `checkpoint`.
        """
        began = anyio.current_time()
        if (known := self._store.sessions.keyed(principal, call.key)) is not None:
            if known.task != source.task.id or known.origin is None:
                raise CallerError(KEY_USED.format(task=known.task))
            return await self._opened(await self.get(known.id, principal=principal), call)
        if checkpoint is None:
            # Under a key of its own, or repetitions at the same time would begin from different checkpoints.
            key = call.key and FORK_KEY.format(key=call.key)
            checkpoint = (await source.checkpoint(call=replace(call, key=key))).name
        origin = source.origin(checkpoint)
        request = StartRequest(source.task.id, source.flavour, source.protocol, source.gpu_count)
        row = self._row(source.task, request, principal, call.key)
        row = replace(row, origin=origin.id, budget=origin.budget, **source.aided)
        return await self._open(source.task, row, call.after(anyio.current_time() - began))

    async def _open(self, task: TaskSpec, row: SessionRow, call: Call) -> Session:
        """Open a new session, or find the one that its key was given to before."""
        require_possible(task, self._shared.sandboxes)
        await self._require_gpus(row.gpus)
        if self._store.sessions.keyed(row.principal, row.key) is None:
            self._shared.drain.require_open()
            self._require_room()
            self._shared.limits.quota.require_room(self._store, row)
        kept = self._store.sessions.add(row)
        if kept.id != row.id:
            self._require_same(kept, row)
            session = await self.get(kept.id, principal=row.principal)
        else:
            session = self._sessions[row.id] = Session(self._shared, task, row)
            self._store.audit.write("session_started", session=row.id, task=task.id, checkpoint=row.origin)
            self._services.meter.session_started(task.id)
            session.begin()
        return await self._opened(session, call)

    async def _opened(self, session: Session, call: Call) -> Session:
        if session.state == "waiting":
            await session.opened(call)
        await session.require_opened()
        self._note_use(session.principal, session)
        return session

    async def get(self, session_id: str, *, principal: str = LOCAL, operates: bool = False) -> Session:
        """The session with this handle, taken over if its server is gone; of a server that lives, only to be read.

        Args:
            session_id: The handle.
            principal: Who asks.
            operates: Whether it may use all sessions.

        Raises:
            UnknownSession: there is none that this principal may use.
            CallerError: it isn't over, and another live server has it, or it runs where this server can't reach it.
        """
        self._begin_to_sweep()
        session = self._sessions.get(session_id)
        if session is None:
            # All handles are ASCII; anything else might be what the store can't even look for, half a surrogate pair.
            row = self._store.sessions.get(session_id) if session_id.isascii() else None
            if row is None or not (operates or may_use(principal, row.principal)):
                raise UnknownSession(NO_SESSION)
            session = await self._adopt(row)
        if not (operates or may_use(principal, session.principal)):
            raise UnknownSession(NO_SESSION)
        self._note_use(principal, session)
        return session

    def errand_of(self, event: int) -> str:
        """The name of the errand behind an accepted call.

        Raises:
            StoreError: there is no such call.
        """
        found = self._store.events.get(event)
        if found is None:
            raise StoreError(f"event {event} is gone")
        return errand_id(self._store, found)

    def errand(self, name: str) -> Event | None:
        """The accepted call behind an errand, None if none has this name; its session is for its caller to ask for."""
        return find_event(self._store, name)

    def open_sessions(self, principal: str = LOCAL) -> list[Session]:
        """The sessions of this principal that are waiting or open on this server, oldest first."""
        return [
            session for session in self._sessions.values() if session.principal == principal and session.state in LIVE
        ]

    def last_used(self, principal: str = LOCAL) -> str | None:
        """The handle of the session that this principal last used on this server."""
        return self._last_used.get(principal)

    def _note_use(self, principal: str, session: Session) -> None:
        self._last_used.pop(principal, None)
        self._last_used[principal] = session.id
        if len(self._last_used) > MANY:
            del self._last_used[next(iter(self._last_used))]

    def leaderboard(self, task: TaskSpec) -> Leaderboard:
        """What was submitted on a task, whoever did and on whichever server of this data folder."""
        return leaderboard(self._store, task)

    async def sweep(self) -> None:
        """Remove and end what servers that are gone have left behind."""
        await self._sweep.look()

    def _require_same(self, first: SessionRow, row: SessionRow) -> None:
        """Refuse a key that was used for something else. That `first` has gone back to a checkpoint makes it none."""
        forked = first.origin is not None
        if first.origin is not None and row.origin is None:
            forked = self._store.checkpoints.get(first.origin).session != first.id
        if (first.task, first.protocol, forked) != (row.task, row.protocol, row.origin is not None):
            raise CallerError(KEY_USED.format(task=first.task))

    def _require_room(self) -> None:
        waiting = sum(session.state == "waiting" for session in self._sessions.values())
        if waiting >= self._shared.limits.max_waiting:
            raise CallerError(f"{waiting} sessions wait already for a place on this server; call `start` again later.")

    async def _require_gpus(self, count: int) -> None:
        if count and count > (there := await self._shared.gpus.most()):
            raise CallerError(
                f"{count} GPUs are asked for, and this server has {there} to lend; `start` with `gpus`: {there}."
            )

    def _forget_finished(self) -> None:
        """Drop the sessions that are over and done with; whoever uses their handle again has them from the store."""
        for session in [session for session in self._sessions.values() if session.finished]:
            del self._sessions[session.id]

    async def _adopt(self, row: SessionRow) -> Session:
        if row.id not in self._adopting:
            operation = self._adopting[row.id] = Operation(lambda: self._take_over(row))
            self._shared.of(row.id).spawn(operation)
        return await self._adopting[row.id].result()

    async def _take_over(self, row: SessionRow) -> Session:
        try:
            task = self._services.tasks.get(row.task)
            with self._store.write():  # nobody else's, and its absence excused, or neither
                seen = self._claim(row)
                claimed = self._store.sessions.get(row.id) or row
                session = Session(self._shared, task, claimed)
                if claimed.owner == self._store.instance.id:
                    session.take_up(seen)
            if claimed.owner == self._store.instance.id:
                await session.resume()
                self._sessions[row.id] = session
        finally:
            del self._adopting[row.id]
        return session

    def _claim(self, row: SessionRow) -> float:
        """Become the owner if nobody is; when the last one gave its last sign of life, in seconds since the epoch."""
        instance, now = self._store.instance, self._services.clock.now()
        if row.owner == instance.id:
            return now
        if row.backend != self._services.backend.name and row.state in LIVE:
            raise CallerError(
                f"This session's sandbox runs on {row.backend}, this server uses {self._services.backend.name}; "
                f"start the server with {row.backend} (--sandbox, MLGYM_MCP_DOCKER_RUNTIME), or `start` a new session."
            )
        free = instance.free(row.owner)
        claimed = free and self._store.sessions.claim(row.id, old=row.owner, new=instance.id)
        if not claimed and row.state in LIVE:
            raise CallerError(
                "Another server on this machine is using this session; use it there, or `start` a new one."
            )
        seen = self._store.last_seen(row.owner)
        return now if seen is None else seen

    def _begin_to_sweep(self) -> None:
        # With the first use, not at start-up: clients start a server just to list its tools.
        if not self._sweeping:
            self._sweeping = True
            self._shared.spawn(Operation(self._keep_swept))

    async def _keep_swept(self) -> None:
        while True:
            await self._sweep.look()
            await self._services.clock.sleep(self._shared.limits.sweep_s)

    def _row(self, task: TaskSpec, request: StartRequest, principal: str, key: str | None) -> SessionRow:
        gpus = task.resources.gpus if request.gpus is None else request.gpus
        if principal == ANONYMOUS:
            require_unguessable(key, request.agent)
        nobody = principal == ANONYMOUS and not request.agent  # strangers would read each other's notes
        now = self._services.clock.now()
        return SessionRow(
            id=secrets.token_urlsafe(16),
            principal=principal,
            key=key,
            task=task.id,
            protocol=request.protocol,
            flavour=request.flavour,
            gpus=gpus,
            state="waiting",
            reason="its data and environment are being prepared",
            exit_status=None,
            created_at=now,
            closed_at=None,
            backend=self._services.backend.name,
            sandbox=self._store.sandbox_id(),
            token=secrets.token_hex(16),
            lease_until=now + self._shared.limits.lease_of(gpus),
            owner=self._store.instance.id,
            budget=dump_budget(Budget(lowered(task.budget, steps=request.steps, wall_time=request.wall_time))),
            validated=None,
            submission=None,
            agent=request.agent,
            aids=" ".join(aid for aid in request.aids if not (nobody and aid == "memory")),
        )


def _leases(services: Services, claims: GpuClaims) -> GpuLending:
    if services.places is not None:
        return ClusterLeases(services.gpus, services.places, services.store, services.clock)
    return GpuLeases(services.gpus, services.store, services.clock, claims)
