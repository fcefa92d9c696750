"""The ledger: what lasts of one session. Every change is in the store before anybody is told of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from anyio.lowlevel import checkpoint

from mlgym_mcp.errors import CallerError, MLGymError, SetupError
from mlgym_mcp.sessions.budget import Budget, BudgetLeft, SpentCause, dump_budget, load_budget
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.clock import Clock
from mlgym_mcp.sessions.operation import Operation, Spawn
from mlgym_mcp.sessions.record import to_json
from mlgym_mcp.sessions.state import LIVE, SessionState
from mlgym_mcp.store import Event, SessionRow, Store

UNTOLD = "The server failed at this call, through no fault of its caller; its log says why."
"""What is kept of an error whose text is none of the agent's business: an event is read by whoever has the handle."""
FREE_KEPT = 16 * 1024 * 1024
"""Characters of what free calls asked and were told that are kept of one session: no budget bounds them."""
SCORING_KINDS = frozenset({"validate", "submit"})
REPEATED_FREE_KINDS = frozenset({"job", "checkpoint", "restore", "end"})
REPEATED_KINDS = REPEATED_FREE_KINDS | {"bash", "edit", "memory_read", "search_papers", "read_paper"}
"""What acts once however often it is repeated under its key, also by another server: the guest sees to it, or it has
no effect until its reply is recorded, or none at all."""
STOPPED = "the server stopped before it answered"
UNSURE = (
    "The server stopped during this call, and nobody can tell whether it took effect: look, and then, if it did not, "
    "call again with a new key."
)


@dataclass(slots=True)
class Entry:
    """A call that was accepted and is not answered yet. `began` in seconds since the epoch."""

    kind: str
    request: object
    key: str | None
    began: float
    charged: bool
    event: int | None = None
    """Its event's id; None until it is written."""


class Ledger:
    """One session's row, budget and events."""

    def __init__(
        self, store: Store, clock: Clock, row: SessionRow, lease_s: float, *, spawn: Spawn, changed: Callable[[], None]
    ) -> None:
        self._spawn = spawn
        self._changed = changed
        self._store = store
        self._clock = clock
        self.lease_s = lease_s
        self.row = row
        self._stored: SessionRow | None = row
        """What is in the store; None when that is not known for sure."""
        self.budget = load_budget(row.budget)
        self.charged_now = 0
        """Charged calls that are not answered yet."""
        self._unanswered: set[int] = set()
        """Events of charged calls that an earlier server did not answer, and whose callers may ask again."""
        self.calls_now = 0
        """Calls, free ones too, that the sandbox works on."""
        self._free_kept = 0

    @property
    def state(self) -> SessionState:
        """The session's state."""
        return self.row.state  # type: ignore[return-value]  # only states are ever written

    @property
    def live(self) -> bool:
        """Whether it waits or is open."""
        return self.state in LIVE

    @property
    def owned(self) -> bool:
        """Whether this server may write it; another's can be read."""
        return self.row.owner == self._store.instance.id

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now()

    @property
    def spent(self) -> SpentCause | None:
        """What of the budget is used up; None while there is some left of everything."""
        return self.budget.spent(self.now)

    def left(self) -> BudgetLeft:
        """What is left of the budget now."""
        return self.budget.left(self.now)

    def change(self, *, budget: Budget | None = None, **changes: Any) -> None:
        """Write changes of the session.

        Raises:
            StoreError: another server owns it now.
        """
        budget = budget or self.budget
        row = replace(self.row, budget=dump_budget(budget), **changes)
        self._save(row)
        self.row, self.budget = row, budget

    def use(self) -> None:
        """Renew the lease: somebody needs the session."""
        self.change(lease_until=self.now + self.lease_s)

    def accept(self, kind: str, request: object, call: Call, *, charge: bool = True) -> Entry:
        """Charge a call, renew the lease, and record both.

        A call with a key is in the store when this returns; one that an earlier server accepted under this key, and
        did not answer, is taken up again. Any other call is written while the sandbox works on it, and at the latest
        before it is answered: nobody was told of it until then.

        Raises:
            BudgetSpent: it costs more than is left; nothing was recorded.
        """
        now = self.now
        if call.key and (before := self._store.events.by_key(self.row.id, call.key)):
            self._unanswered.discard(before.id)
            self.charged_now += charge
            self.use()
            call.tell_accepted(before.id)
            return Entry(kind, request, call.key, now, charged=charge, event=before.id)
        budget = self.budget.charge(now, validation=kind == "validate") if charge else self.budget
        entry = Entry(kind, request, call.key, now, charged=charge)
        if call.key:
            with self.transaction():
                self.change(budget=budget, lease_until=now + self.lease_s)
                event = self.written(entry)
            call.tell_accepted(event)
        else:
            self.budget = budget
            self.row = replace(self.row, budget=dump_budget(budget), lease_until=now + self.lease_s)
            self._spawn(Operation(partial(self._write_behind, entry)))
        self.charged_now += charge
        return entry

    def _save(self, row: SessionRow) -> None:
        stored, self._stored = self._stored, None
        self._store.sessions.save(row, stored=stored)
        self._stored = row
        self._changed()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """What the block writes lasts whole or not at all; nothing in it may wait.

        Args:
            durable: whether it survives a power cut.
        """
        row, budget = self.row, self.budget
        try:
            with self._store.write(durable=durable):
                yield
        except BaseException:
            self.row, self.budget, self._stored = row, budget, None
            raise

    async def _write_behind(self, entry: Entry) -> None:
        await checkpoint()  # the request to the sandbox leaves first
        self.written(entry)

    def written(self, entry: Entry) -> int:
        """The id of an entry's event, written with the session's row if it was not yet."""
        if entry.event is None:
            with self.transaction():
                entry.event = self._store.events.begin(
                    self.row.id, entry.kind, to_json(entry.request), at=entry.began, key=entry.key
                )
                self._save(self.row)
        return entry.event

    def finish(self, entry: Entry, reply: object) -> None:
        """Record the reply of an accepted call, before it is given."""
        told = to_json(reply)
        event = self.written(entry)
        if entry.charged or self._keeps(entry, told):
            self._store.events.finish(event, seconds=self.now - entry.began, reply=told)
        else:
            self._store.events.remove(event)
        if self.live and self.row.lease_until - self.now < self.lease_s / 2:
            self.use()  # while its call went on, nobody had left it alone
        self._changed()

    def note(self, kind: str, request: object, call: Call, reply: object) -> None:
        """Record a free call and its reply at once."""
        self.finish(self.accept(kind, request, call, charge=False), reply)

    def fail(self, entry: Entry, error: BaseException, *, refund: bool) -> None:
        """Record that an accepted call came to nothing; a refunded one may be repeated under its key."""
        told = (str(error) or repr(error)) if isinstance(error, CallerError | SetupError) else UNTOLD
        try:
            with self.transaction():
                event = self.written(entry)
                if refund:
                    self.refund(entry)
                if (entry.charged and not refund) or self._keeps(entry, told):
                    self._store.events.finish(event, seconds=self.now - entry.began, error=told)
                else:
                    self._store.events.remove(event)
        except MLGymError:
            if refund and entry.charged:  # what can't be recorded now is written with the next change
                self.budget = self.budget.refund(validation=entry.kind == "validate")
                self.row = replace(self.row, budget=dump_budget(self.budget))
            raise
        self._changed()

    def _keeps(self, entry: Entry, told: str) -> bool:
        """Whether a call that cost nothing is kept."""
        self._free_kept += len(to_json(entry.request)) + len(told)
        return self._free_kept <= FREE_KEPT

    def refund(self, entry: Entry) -> None:
        """Give back what a call was charged, and its key, so that it may be repeated."""
        with self.transaction():
            self._store.events.forget_key(self.written(entry))
            if entry.charged:
                self._give_back(entry.kind)

    @contextmanager
    def in_flight(self, entry: Entry) -> Iterator[None]:
        """Count an accepted call as going on while the block runs."""
        self.calls_now += 1
        try:
            yield
        finally:
            self.calls_now -= 1
            self.charged_now -= entry.charged

    @contextmanager
    def excused(self) -> Iterator[None]:
        """Keep the session's clock still while the block runs: the server itself is waited for.

        When the server stops within the block, the clock stands until another goes on with the session.
        """
        self.change(budget=self.budget.excuse(self.now))
        try:
            yield
        except Exception:
            self._resume()
            raise
        self._resume()

    def seconds(self, entry: Entry) -> float:
        """How long an accepted call has taken so far."""
        return max(0.0, self.now - entry.began)

    def owes(self, *, but: Entry | None = None) -> bool:
        """Whether a charged call, other than `but`, is still to be answered."""
        return bool(self._unanswered) or self.charged_now > (but is not None and but.charged)

    @property
    def unanswered(self) -> tuple[int, ...]:
        """The events of charged calls that an earlier server did not answer, and whose callers may ask again."""
        return tuple(self._unanswered)

    def recover(self, seen: float) -> None:
        """Go on from an earlier server, which gave its last sign of life at `seen`, in seconds since the epoch.

        Clock and lease are not charged for the time since. Of the calls that it did not answer, scoring is given back;
        what acts once however often it is repeated keeps its key, and is taken up when its caller asks again.
        """
        with self.transaction():
            for event in self._store.events.unanswered(self.row.id):
                if event.key is None or event.kind not in REPEATED_KINDS:
                    self._settle(event)
                elif event.kind not in REPEATED_FREE_KINDS:
                    self._unanswered.add(event.id)
            if self.live:
                away = max(0.0, self.now - seen)
                self.change(budget=self.budget.absent(seen, self.now), lease_until=self.row.lease_until + away)

    def _settle(self, event: Event) -> None:
        scoring = event.kind in SCORING_KINDS
        told = STOPPED if scoring or event.key is None else UNSURE
        self._store.events.finish(event.id, seconds=0.0, error=told)
        if scoring:
            self._store.events.forget_key(event.id)
            self._give_back(event.kind)

    def close(self, state: SessionState, exit_status: str, *, reason: str | None = None, **changes: Any) -> None:
        """Write that the session is over."""
        self.change(state=state, exit_status=exit_status, reason=reason, closed_at=self.now, **changes)
        self._store.audit.write(
            f"session_{state}", session=self.row.id, owner=self.row.principal, exit_status=exit_status
        )

    def _resume(self) -> None:
        self.change(budget=self.budget.resume(self.now))

    def _give_back(self, kind: str) -> None:
        self.change(budget=self.budget.refund(validation=kind == "validate"))
