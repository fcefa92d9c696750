"""Errands: accepted calls that go on though their caller has left, looked up as often as anybody asks.

What MCP calls tasks, a word that is taken here. Nothing is kept of an errand but what is recorded of any call: it is
told from its event, from the job that its command became, and from what is recorded of that. So errands last as long
as their session's record, on whichever server.
"""

import hmac
import json
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from mlgym_mcp.errors import CallerError, SandboxGone, SessionBusy, SessionClosed
from mlgym_mcp.inert import inert
from mlgym_mcp.sessions.budget import duration
from mlgym_mcp.sessions.call import OWN_KEY, Call
from mlgym_mcp.sessions.ledger import STOPPED, Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.once import Once
from mlgym_mcp.sessions.record import from_json
from mlgym_mcp.sessions.replies import CommandReply, ScoreReply
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.shell import last_line
from mlgym_mcp.sessions.verdicts import Verdicts
from mlgym_mcp.store import Event, Store

KINDS = ("bash", "validate", "submit")
"""The calls that may become errands."""
Outcome = Literal["working", "completed", "refused", "cancelled"]

ENDED = "errand {event} ⑂ ended"
SCORED = "errand {event} ⑂ scored"
KILLED = "errand {event} ⑂ killed"
"""Keys of what is asked of an errand's job on its behalf; callers' keys are ASCII."""
LONGEST_NOTE = 300
"""Characters of a job's last line in a note."""
NOT_TAKEN_BACK = "what is being scored can't be taken back"


@dataclass(frozen=True, slots=True)
class Errand:
    """How an accepted call stands. Stamps in seconds since the epoch."""

    id: str
    outcome: Outcome
    began: float
    changed: float
    note: str
    """In words, for a person or a model."""
    reply: CommandReply | ScoreReply | None = None
    """Once it is completed: what a caller would have been told who had waited."""


class Calls(Protocol):
    """What is asked of a session on an errand's behalf."""

    async def bash(self, command: str, *, background: bool, call: Call) -> CommandReply:
        """Take up a command under its key."""

    async def job(self, job: str, action: Literal["wait", "kill"], *, call: Call) -> CommandReply:
        """Collect or kill a job."""

    async def submit(self, *, call: Call) -> ScoreReply:
        """Collect the score of a submission."""


def errand_id(store: Store, event: Event) -> str:
    """The name of the errand behind an event: nobody guesses it, and every server of the data folder knows it."""
    mark = hmac.digest(store.secret, f"errand {event.id} {event.session}".encode(), "sha256")
    return f"{event.id}-{mark[:16].hex()}"


def find_event(store: Store, errand: str) -> Event | None:
    """The event behind an errand; None if no errand has this name, which is of the form of one."""
    event = store.events.get(int(errand.partition("-")[0]))
    if event is None or event.kind not in KINDS:
        return None
    return event if hmac.compare_digest(errand_id(store, event), errand) else None


class Errands:
    """The errands of one session."""

    def __init__(
        self, shared: Shared, ledger: Ledger, lodging: Lodging, verdicts: Verdicts, once: Once, calls: Calls
    ) -> None:
        self._store = shared.services.store
        self._ledger = ledger
        self._lodging = lodging
        self._verdicts = verdicts
        self._once = once
        self._calls = calls

    async def look(self, event: Event) -> Errand:
        """How an errand of this session stands. Free, and no use of the session: what goes on keeps that alive."""
        try:
            return await (self._command(event) if event.kind == "bash" else self._verdict(event))
        except (SessionBusy, SandboxGone):  # which says nothing of the errand
            return self._working(event, "its sandbox has not answered yet")
        except CallerError as error:
            return self._over(event, "refused", str(error))

    async def stop(self, event: Event) -> None:
        """End an errand's command and all its processes; a scoring goes on, for nothing can take it back."""
        if event.kind != "bash" or (job := await self._running_job(event)) is None:
            return
        await self._calls.job(job, "kill", call=Call(key=KILLED.format(event=event.id)))

    async def take_up(self) -> None:
        """Go on with the commands that an earlier server accepted under keys which their callers don't know."""
        for number in self._ledger.unanswered:
            event = self._store.events.get(number)
            if event is not None and event.kind == "bash" and (event.key or "").startswith(OWN_KEY):
                await self.look(event)

    async def _command(self, event: Event) -> Errand:
        if not event.finished:
            if not self._once.going_on(event.key):  # an earlier server accepted it; it is taken up under its key
                background = bool(json.loads(event.request).get("background"))
                await self._calls.bash(_asked(event), background=background, call=Call(wait_s=0, key=event.key))
            return self._working(event, await self._at_work())
        if event.reply is None:
            return self._over(event, "refused", event.error or STOPPED)
        if (killed := self._recorded(event, KILLED)) is not None:
            note = "it was killed, as asked; what it printed is in its output file"
            return self._over(event, "cancelled", note, last=killed)
        reply = from_json(CommandReply, event.reply)
        if not reply.result.running:
            return self._over(event, "completed", "it has ended", reply)
        return await self._ended_job(event, reply)

    async def _ended_job(self, event: Event, so_far: CommandReply) -> Errand:
        job = so_far.result.job
        if self._recorded(event, ENDED) is None:
            if self._went_back(event):
                return self._over(event, "completed", "it ended as the session went back to a checkpoint", so_far)
            if job in await self._running():
                return self._working(event, f"running as {job}; {await self._at_work(job)}")
        try:
            reply = await self._calls.job(job, "wait", call=Call(wait_s=0, key=ENDED.format(event=event.id)))
        except SessionClosed as over:  # what it printed since went with the sandbox
            return self._over(event, "completed", str(over), replace(so_far, state=self._ledger.state))
        reply = replace(reply, seconds=reply.result.seconds)
        return self._over(event, "completed", f"{job} has ended", reply, last=self._recorded(event, ENDED))

    def _went_back(self, event: Event) -> bool:
        """Whether the session has another sandbox since, whose jobs have the same names."""
        moves = self._store.events.of_kinds(event.session, "restore")
        return any(move.id > event.id and move.reply is not None for move in moves)

    async def _verdict(self, event: Event) -> Errand:
        if not event.finished:
            return self._working(event, f"{await self._verdicts.progress()}; {NOT_TAKEN_BACK}")
        if event.reply is not None:
            self._verdicts.collected(event.id)
            return self._over(event, "completed", "it is scored", from_json(ScoreReply, event.reply))
        if event.kind == "submit" and event.error == STOPPED:
            again = self._recorded(event, SCORED)
            if again is not None and again.reply is not None:
                self._verdicts.collected(again.id)
                return self._over(event, "completed", "it is scored", from_json(ScoreReply, again.reply), last=again)
            if self._ledger.row.submission is not None:
                return await self._scored_again(event)
        return self._over(event, "refused", event.error or STOPPED)

    async def _scored_again(self, event: Event) -> Errand:
        """The verdict on the artefact that was taken before the server stopped, under a key of its own."""
        reply = await self._calls.submit(call=Call(wait_s=0, key=SCORED.format(event=event.id)))
        if reply.outcome == "pending":
            return self._working(event, f"{await self._verdicts.progress()}; {NOT_TAKEN_BACK}")
        return self._over(event, "completed", "it is scored", reply)

    async def _running(self) -> list[str]:
        if (guest := self._lodging.current()) is None:
            return []
        async with self._lodging.attended():
            return await guest.running_jobs()

    async def _running_job(self, event: Event) -> str | None:
        """The job that its command is now; None when it has ended."""
        if event.reply is not None:
            job = json.loads(event.reply)["result"]["job"]
            return job if not self._went_back(event) and job in await self._running() else None
        if event.finished or (guest := self._lodging.current()) is None:
            return None
        # To ask a second time under its key runs nothing; it turns it into a job.
        key, limit = Call(key=event.key).guest_key, self._ledger.left().command_time
        result = await guest.run(_asked(event), wait_s=0, time_limit=limit, key=key)
        return result.job if result.running else None

    async def _at_work(self, job: str | None = None) -> str:
        guest, gpus = self._lodging.current(), self._lodging.gpus.usage
        line = inert(await last_line(guest, job)).strip()[:LONGEST_NOTE]
        parts = [f"last line: {line}"] if line else []
        if gpus is not None and gpus.utilisation is not None:
            parts.append(f"GPUs {gpus.utilisation:.0%} busy so far")
        return "; ".join(parts) or "nothing printed yet"

    def _recorded(self, event: Event, key: str) -> Event | None:
        found = self._store.events.by_key(event.session, key.format(event=event.id))
        return found if found is not None and found.finished else None

    def _working(self, event: Event, note: str) -> Errand:
        now = self._ledger.now
        told = f"{duration(now - event.at)} so far; {note}; {self._ledger.left().line()}"
        return Errand(errand_id(self._store, event), "working", event.at, now, told)

    def _over(
        self,
        event: Event,
        outcome: Outcome,
        note: str,
        reply: CommandReply | ScoreReply | None = None,
        last: Event | None = None,
    ) -> Errand:
        """`last`: what was asked on its behalf, and ended it."""
        last = last or event
        changed = last.at + (last.seconds or 0.0)
        return Errand(errand_id(self._store, event), outcome, event.at, changed, note, reply)


def _asked(event: Event) -> str:
    return str(json.loads(event.request)["command"])
