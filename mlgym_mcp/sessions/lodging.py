"""The lodging: a session's sandbox, opened, reached, kept and given up."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import anyio
import structlog

from mlgym_mcp.errors import (
    CallerError,
    InfrastructureError,
    SandboxError,
    SandboxGone,
    SessionBusy,
    SessionClosed,
    SetupError,
)
from mlgym_mcp.log import fingerprint
from mlgym_mcp.meter import Stage
from mlgym_mcp.sandbox.base import Limits, Mount, SandboxSpec, Wanted
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sessions import exit_status
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.furnishing import furnish_from, furnish_with_starter
from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.needs import needs, require_possible
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.session_gpus import SessionGpus
from mlgym_mcp.sessions.session_place import SessionPlace
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.state import SessionState
from mlgym_mcp.sessions.summary import BEING_SCORED, closed_text
from mlgym_mcp.store import Checkpoint
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tracing import span

T = TypeVar("T")

DATA = "/data"
"""Where the agent finds the task's public data, read-only."""
SANDBOX_ENDED = "its sandbox ended; the trajectory and the last artefact are kept"
NOT_OPENED = "its sandbox could not be started; the server's log says why"
ENDING = 1.0
"""Seconds that a sandbox may take to be gone after the stream to its guest."""
REMOVE_GRACE = 30.0
"""Seconds that removing a sandbox may take; what is not removed by then, the next sweep removes."""

log = structlog.get_logger(__name__)


class Lodging:
    """The sandbox of one session."""

    def __init__(self, shared: Shared, ledger: Ledger, task: TaskSpec) -> None:
        self._shared = shared
        self.ledger = ledger
        self._task = task
        self._guest: Guest | None = None
        self._vacating: Operation[None] | None = None
        self._settled = anyio.Event()
        self._scope = anyio.CancelScope()
        self._placed = False
        self.stage: Stage = "preparation"
        """What the session waits for, while it waits."""
        self.jobs = 0
        """Running jobs, when they were last counted."""
        resources = task.resources
        wanted = Wanted(resources.cpus, resources.memory, ledger.row.gpus, resources.labels)
        self.place = SessionPlace(shared, ledger.row.id, wanted)
        self.gpus = SessionGpus(shared, ledger.row.id, ledger.row.gpus, self.place)
        if not ledger.live:
            self._settled.set()
        self._prepared: PreparedTask | None = None
        self._way_out: tuple[Mount, ...] = ()
        self.opening: Operation[None] = Operation(self._open)
        """Ends when the session is open, or has failed to open with what it raises."""

    @property
    def _sandbox(self) -> str:
        return self.ledger.row.sandbox

    async def guest(self, call: Call) -> Guest:
        """The guest, once the session is open.

        Raises:
            SessionBusy: it still isn't, after as long as the caller would wait.
            SessionClosed: the session takes no more work.
        """
        if not self._settled.is_set():  # even a wait for what has happened takes a turn of the event loop
            with anyio.move_on_after(call.patience):
                await self._settled.wait()
        self.require_open()
        if self._guest is None:
            raise SessionBusy(f"The session is not open yet: {self.ledger.row.reason}. Wait with `status`, or repeat.")
        return self._guest

    def require_open(self) -> None:
        """Refuse work on a session that is over.

        Raises:
            SessionClosed: it is, or its submission is being scored.
        """
        row = self.ledger.row
        if not self.ledger.live:
            scores = self._shared.services.store.scores.of_session(row.id, "submit")
            raise SessionClosed(closed_text(row, scores[-1].score if scores else None))
        if row.submission is not None:
            raise SessionClosed(BEING_SCORED)

    def current(self) -> Guest | None:
        """The guest if the session is open."""
        return self._guest if self.ledger.state == "open" else None

    async def prepared(self) -> PreparedTask:
        """The task's prepared data; found again after a restart, and made again where it was pruned."""
        if self._prepared is None or not self._prepared.public.is_dir():
            row = self.ledger.row
            self._prepared = await self._shared.services.preparer.prepare(
                self._task, row.flavour, self._say, gpus=row.gpus
            )
        return self._prepared

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Notice a sandbox that ends while the block uses it.

        Raises:
            SessionClosed: the session was closed meanwhile, or is lost now: its sandbox has ended.
            SandboxGone: the sandbox can't be reached.
        """
        try:
            yield
        except SandboxGone:
            if self.ledger.live and await (self._guest or self._connect()).sandbox_ended(ENDING) and self.ledger.live:
                self.close("lost", exit_status.DIED, reason=SANDBOX_ENDED)
            if not self.ledger.live:
                self.require_open()
            raise

    def close(self, state: SessionState, status: str, *, reason: str | None = None, **changes: Any) -> None:
        """End the session and give the sandbox up, in the background."""
        self.ledger.close(state, status, reason=reason, **changes)
        self._shared.services.meter.session_ended(self._task.id, status)
        log.info("session_closed", session=self.ledger.row.id, state=state, exit_status=status)
        self._settled.set()
        self._scope.cancel()
        self.vacate()

    def vacate(self) -> None:
        """Give up what a session that is over has of a sandbox and of GPUs, in the background."""
        self._vacating = Operation(self._dispose)
        self._shared.spawn(self._vacating)

    async def vacated(self) -> None:
        """Wait until what a session that is over had is given up."""
        if self._vacating is not None:
            await self._vacating.ended()

    async def move(self, checkpoint: Checkpoint, arrived: Callable[[], T]) -> T:
        """Go on in a fresh sandbox, with a checkpoint's files; the old one is given up once the new one is ready.

        What `arrived` writes is recorded together with the move.

        Raises:
            SessionClosed: the session was closed meanwhile.
            InfrastructureError: it did not work; the session goes on where it was.
        """
        store, egress = self._shared.services.store, self._shared.services.egress
        sandbox = store.sandbox_id()
        self._way_out = await egress.admit(sandbox, self._task)
        spec = replace(self._spec(await self.prepared()), id=sandbox, token=secrets.token_hex(16))
        try:
            guest = await self._sandbox_of(spec)
        except InfrastructureError:
            await egress.dismiss(sandbox)
            raise
        old = guest
        try:
            await furnish_from(guest, checkpoint, store)
            await guest.renew(lifetime=self._lifetime())
            self.require_open()
            with self.ledger.transaction():
                self.ledger.change(sandbox=guest.sandbox_id, token=guest.token, origin=checkpoint.id)
                told = arrived()
            old, self._guest = self._guest or guest, guest
        finally:
            self._shared.spawn(Operation(partial(self._remove, old)))
        self._shared.pool.fill(spec)
        return told

    def forfeit(self, call: Call) -> None:
        """Give the session up, unscored.

        Raises:
            SessionClosed: it is over, or its submission is being scored.
        """
        self.require_open()
        with self.ledger.transaction():
            entry = self.ledger.accept("end", {}, call, charge=False)
            self.close("ended", exit_status.FORFEITED)
            self.ledger.finish(entry, {})

    async def resume(self) -> None:
        """Take up the open sandbox of a server that is gone; the session is lost if it can't be reached.

        Raises:
            SandboxError: nobody can tell whether it lives; to be tried again.
        """
        try:
            await self._shared.services.egress.admit(self._sandbox, self._task)
        except SetupError as error:
            log.warning("session_without_network", session=self.ledger.row.id, reason=str(error))
        guest = self._connect()
        try:
            async with self.attended():
                # Which also makes sure that it answers. Its clock ran on while no server was there.
                await guest.renew(lifetime=self._lifetime())
        except (SandboxGone, SessionClosed):
            if self.ledger.live:
                self.close("lost", exit_status.DIED, reason=SANDBOX_ENDED)
            return
        await self.gpus.find()
        self._shared.sandboxes.take_beyond(needs(self._task))
        self._placed = True
        self._guest = guest
        self._settled.set()

    async def renew(self) -> None:
        """Let the sandbox live as long as the session's budget does, and a while longer."""
        if (guest := self.current()) is not None:
            async with self.attended():
                await guest.renew(lifetime=self._lifetime())

    async def count_jobs(self) -> int:
        """How many jobs run in the sandbox; the census tells of as many until they are counted again."""
        if (guest := self.current()) is not None:
            async with self.attended():
                self.jobs = len(await guest.running_jobs())
        return self.jobs

    async def _open(self) -> None:
        with self._scope:
            try:
                with span("session start", task=self._task.id, session=fingerprint(self.ledger.row.id)):
                    await self._prepare()
                    await self._move_in()
            except Exception as error:
                told = isinstance(error, CallerError | SetupError)
                log.warning("session_not_opened", session=self.ledger.row.id, error=str(error))
                self._shared.services.meter.session_not_opened()
                # Without its key, so that the `start` may be repeated.
                self.close("lost", exit_status.DIED, reason=str(error) if told else NOT_OPENED, key=None)
                raise

    async def _prepare(self) -> None:
        with self._step("preparation"):
            self._way_out = await self._shared.services.egress.admit(self._sandbox, self._task)
            prepared = await self.prepared()
        self.ledger.change(flavour=prepared.flavour)
        # Again, for a session that waited on an earlier server.
        require_possible(self._task, self._shared.sandboxes)
        # Before a place for the sandbox: who waits for GPUs keeps nobody from a place.
        with self._step("gpus"):
            await self.gpus.take(self._say)
        with self._step("place"):
            await self._shared.sandboxes.take(needs(self._task), self._say)
            self._placed = True
            await self.place.take(self._say)
        await self._say("its sandbox starts")

    async def _move_in(self) -> None:
        spec = self._spec(await self.prepared())
        with self._step("sandbox"):
            guest = await self._sandbox_of(spec)
        self.ledger.change(sandbox=guest.sandbox_id, token=guest.token)
        with span("session furnishing"):
            await self._furnish(guest)
        now = self.ledger.now
        budget = self.ledger.budget.open(now)
        self.ledger.change(budget=budget, state="open", reason=None, lease_until=now + self.ledger.lease_s)
        self._guest = guest
        await self.renew()
        self._settled.set()
        log.info("session_opened", session=self.ledger.row.id, task=self._task.id)
        self._shared.pool.fill(spec)

    async def _furnish(self, guest: Guest) -> None:
        if (origin := self.ledger.row.origin) is None:
            await furnish_with_starter(guest, self._task)
        else:
            store = self._shared.services.store
            await furnish_from(guest, store.checkpoints.get(origin), store)

    @contextmanager
    def _step(self, stage: Stage) -> Iterator[None]:
        self.stage = stage
        with span(f"session {stage}"):
            yield

    async def _sandbox_of(self, spec: SandboxSpec) -> Guest:
        """A sandbox such as this one: one that was started ahead, with an id of its own, or a new one."""
        began = anyio.current_time()
        warm = await self._shared.pool.take(spec)
        guest = warm or await self._started(spec)
        seconds = anyio.current_time() - began
        self._shared.services.meter.sandbox_given(self._shared.services.backend.name, seconds, warm=warm is not None)
        return guest

    async def _started(self, spec: SandboxSpec) -> Guest:
        backend = self._shared.services.backend
        await backend.remove(spec.id)  # what a server that is gone may have left half-way
        await backend.start(spec)
        return Guest(self._shared.task_group, backend, spec.id, spec.token)

    def _spec(self, prepared: PreparedTask) -> SandboxSpec:
        resources = self._task.resources
        limits = Limits(cpus=resources.cpus, memory=resources.memory, disk=resources.disk, shm=resources.shm)
        return SandboxSpec(
            id=self._sandbox,
            token=self.ledger.row.token,
            profile=prepared.profile,
            limits=limits,
            mounts=(Mount(prepared.public, DATA), *self._way_out),
            gpus=self.gpus.devices,
            place=self.place.name,
            lifetime=self._lifetime(),
            orphan_grace=self._shared.limits.orphan_grace,
        )

    def _lifetime(self) -> float:
        return self.ledger.left().wall_time + self._shared.limits.orphan_grace

    def _connect(self) -> Guest:
        return Guest(self._shared.task_group, self._shared.services.backend, self._sandbox, self.ledger.row.token)

    async def _say(self, reason: str) -> None:
        if self.ledger.state == "waiting" and reason != self.ledger.row.reason:
            self.ledger.change(reason=reason)

    async def _dispose(self) -> None:
        if self.ledger.live:
            return  # that it was closed could not be recorded, and so is not true
        guest, self._guest = self._guest, None
        try:
            await self._remove(guest or self._connect())
        finally:
            if self._placed:
                self._placed = False
                self._shared.sandboxes.give(needs(self._task))
            # What was cut off is still to be scored, on the same devices.
            if not (self.ledger.state == "cut_off" and self.ledger.row.submission):
                await self.gpus.give()

    async def _remove(self, guest: Guest) -> None:
        """Remove a sandbox, as far as that can be done now."""
        try:
            with anyio.move_on_after(REMOVE_GRACE, shield=True) as scope:
                await guest.aclose()
                await self._shared.services.backend.remove(guest.sandbox_id)
            if scope.cancelled_caught:
                log.warning("sandbox_not_removed", sandbox=guest.sandbox_id)
        except SandboxError as error:
            log.warning("sandbox_not_removed", sandbox=guest.sandbox_id, error=str(error))
        finally:
            await self._shared.services.egress.dismiss(guest.sandbox_id)
