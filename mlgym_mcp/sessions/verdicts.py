"""Verdicts: `validate`, `submit`, and what is submitted when the budget ends first."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from mlgym_mcp.errors import CallerError, InfrastructureError, MLGymError, SessionBusy
from mlgym_mcp.sandbox.process import silent
from mlgym_mcp.scoring.score import Phase, Score
from mlgym_mcp.sessions import exit_status
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.exit_status import CutOffCause, HarnessCause
from mlgym_mcp.sessions.grading import Grader
from mlgym_mcp.sessions.ledger import Entry
from mlgym_mcp.sessions.once import Once
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.replies import ScoreOutcome, ScoreReply
from mlgym_mcp.sessions.waiting import wait

CUT_OFF: dict[CutOffCause, str] = {
    "steps": "all steps of its budget were used",
    "wall_time": "its wall time was over",
    "idle": "nobody used it for the length of its lease",
}
BY_HARNESS = "whoever runs its agent ended it"
HELD = "scoring failed twice through no fault of the submission; it is held for the operator"

ELSEWHERE = "Another server on this machine is scoring this session; call `submit` again in a minute."


class Verdicts:
    """Everything about one session that ends in a score."""

    def __init__(self, grader: Grader, once: Once) -> None:
        self._grader = grader
        self._shared = grader.shared
        self._ledger = grader.ledger
        self._lodging = grader.lodging
        self._once = once
        self._uncollected: dict[Phase, Operation[ScoreReply]] = {}
        self._entries: dict[Phase, Entry] = {}
        """Of the calls that these began with, once they are accepted."""

    @property
    def going_on(self) -> bool:
        """Whether an artefact is being scored now."""
        return any(not operation.done for operation in self._uncollected.values())

    async def idle(self) -> None:
        """Wait until none is."""
        for operation in list(self._uncollected.values()):
            await operation.ended()

    async def validate(self, call: Call) -> ScoreReply:
        """Score the artefact as it is now; or collect the score that an earlier call did not wait for."""
        return await self._collect("validate", call, lambda: self._validate(call))

    async def submit(self, call: Call) -> ScoreReply:
        """Score the artefact and end the session; or collect that score, any number of times."""
        known = self._once.known("submit", call, ScoreReply)
        if known is None and (reply := self._settled()) is not None:
            return reply
        if known is None and not self._ledger.owned:
            raise SessionBusy(ELSEWHERE)
        work = self._score_submission if not self._ledger.live else lambda: self._submit(call)
        return await self._collect("submit", call, work)

    async def cut_off_by_harness(self, cause: HarnessCause, call: Call) -> ScoreReply:
        """End an open session as the end of its budget does; one that is over answers as `submit` does.

        Where nothing ever validated, the files are taken as they are; if they can't be taken, there is no score.
        """
        if not (self._ledger.live and self._ledger.owned) or self._ledger.row.submission is not None:
            return await self.submit(call)
        return await self._collect("submit", call, lambda: self._cut_off_by_harness(cause, call))

    def cut_off(self, cause: CutOffCause) -> None:
        """End the session and submit, in the background, what was submitted unscored or else what last validated."""
        artefact = self._ledger.row.submission or self._ledger.row.validated
        if self._close(cause, artefact):
            self._start("submit", PATIENT, self._score_submission)

    def resume(self) -> None:
        """Go on with what an earlier server left unscored, and end what is over meanwhile."""
        self.settle()
        if not self._ledger.live and self._ledger.row.submission is not None and self._settled() is None:
            self._start("submit", PATIENT, self._score_submission)

    def settle(self, *, answering: Entry | None = None) -> None:
        """Cut the session off if its budget is spent and no call that was paid for goes on, but for `answering`."""
        ledger = self._ledger
        if ledger.state != "open" or ledger.owes(but=answering):
            return
        if (cause := ledger.spent) is not None:
            self.cut_off(cause)

    def collected(self, event: int) -> None:
        """Note that whoever asked for a score has been told it, though no call has collected it."""
        for phase, entry in self._entries.items():
            operation = self._uncollected.get(phase)
            if entry.event == event and operation is not None and operation.done:
                del self._uncollected[phase]

    async def _collect(self, phase: Phase, call: Call, work: Callable[[], Awaitable[ScoreReply]]) -> ScoreReply:
        known = self._once.known(phase, call, ScoreReply)
        going = known or self._uncollected.get(phase)
        if going is not None and known is None and (entry := self._entries.get(phase)) is not None:
            call.tell_accepted(self._ledger.written(entry))
        operation = going or self._start(phase, call, work)
        limits = self._shared.limits
        if not await wait(operation, call, pause=limits.notify_s, last_line=self.progress, limit=call.patience):
            return self._reply(phase, "pending")
        if self._uncollected.get(phase) is operation:
            del self._uncollected[phase]
        reply = await operation.result()
        if going is not None and known is None and call.key is not None and self._ledger.live:
            self._ledger.note(phase, {"collected": True}, call, reply)
        return reply

    def _start(self, phase: Phase, call: Call, work: Callable[[], Awaitable[ScoreReply]]) -> Operation[ScoreReply]:
        operation = self._once.start(phase, call, work)
        self._entries.pop(phase, None)
        self._uncollected[phase] = operation
        return operation

    async def _validate(self, call: Call) -> ScoreReply:
        guest = await self._lodging.guest(call)
        await self._lodging.gpus.require_room(guest)
        try:
            async with accepted(self._lodging, "validate", {}, call) as entry:
                self._entries["validate"] = entry
                artefact = await self._grader.pack(guest)
                if (held := self._grader.held("validate", artefact.sha256)) is not None:
                    return self._answer(entry, held)
                return await self._grader.score("validate", artefact, partial(self._answer, entry))
        except MLGymError:
            self.settle()
            raise

    async def _submit(self, call: Call) -> ScoreReply:
        if (validation := self._uncollected.get("validate")) is not None and self._ledger.spent:
            await validation.ended()  # which ends the session, unless it is given back
            if not self._ledger.live:
                return await self._ended_meanwhile()
        sha256 = self._ledger.row.submission
        guest = await self._lodging.guest(call) if sha256 is None else None
        if guest is not None:
            await self._lodging.gpus.require_room(guest)
        try:
            async with accepted(self._lodging, "submit", {}, call) as entry:
                self._entries["submit"] = entry
                artefact = self._grader.kept(sha256 or "") if guest is None else await self._grader.pack(guest)
                if guest is not None:
                    self._lodging.require_open()  # it may have been closed while the artefact was taken
                self._ledger.change(submission=artefact.sha256)
                return await self._grader.score("submit", artefact, partial(self._answer, entry))
        except MLGymError:
            self.settle()
            raise

    async def _cut_off_by_harness(self, cause: HarnessCause, call: Call) -> ScoreReply:
        if (validation := self._uncollected.get("validate")) is not None:
            await validation.ended()  # what is being validated may be what is to be submitted
        artefact = self._ledger.row.validated or await self._taken_as_it_is()
        if self._ledger.live and self._close(cause, artefact):
            return await self._score_submission()
        return await self._ended_meanwhile()

    async def _ended_meanwhile(self) -> ScoreReply:
        """What comes of a session whose budget ended while something was waited for."""
        return self._settled() or await self._uncollected["submit"].result()

    async def _taken_as_it_is(self) -> str | None:
        guest = self._lodging.current()
        try:
            async with self._lodging.attended():
                return None if guest is None else (await self._grader.pack(guest)).sha256
        except (CallerError, InfrastructureError):
            return None

    def _close(self, cause: CutOffCause, artefact: str | None) -> bool:
        """End the session; whether there is something to score."""
        status = exit_status.cut_off(cause, has_artefact=artefact is not None)
        self._lodging.close("cut_off", status, reason=CUT_OFF.get(cause, BY_HARNESS), submission=artefact)
        return artefact is not None

    def _conclude(self, score: Score) -> None:
        data = self._grader.task.submission.kind == "data"
        if score.outcome == "scored":
            self._lodging.close("submitted", exit_status.SUBMITTED)
        elif score.outcome == "submission_fault" and data:
            # Only the form of data can be at fault, which tells nothing hidden: it costs a step, not the session.
            self._ledger.change(submission=None)
        elif score.outcome == "submission_fault":
            self._lodging.close("submitted", exit_status.FAULTY)
        elif self._grader.held("submit", score.artefact):
            self._lodging.close("submitted", exit_status.SUBMITTED, reason=HELD)

    async def _score_submission(self) -> ScoreReply:
        artefact = self._grader.kept(self._ledger.row.submission or "")
        reply = None
        try:
            # Still its own, or a server that ended has given them up.
            await self._lodging.gpus.take(silent)
            await self._lodging.place.take(silent)
            while reply is None:
                reply = await self._grader.score("submit", artefact, self._noted)
        finally:
            with anyio.CancelScope(shield=True):
                await self._lodging.gpus.give()
        return reply

    def _noted(self, score: Score) -> ScoreReply | None:
        """The reply to nobody that is kept of an automatic submission; None where it is to be scored again."""
        if score.outcome == "infrastructure_fault" and not self._held():
            return None
        if score.outcome == "submission_fault":
            self._ledger.change(exit_status=exit_status.faulty(self._ledger.row.exit_status or ""))
        reply = self._reply("submit", score.outcome, score, seconds=score.seconds)
        self._ledger.note("submit", {"automatic": True}, PATIENT, reply)
        return reply

    def _answer(self, entry: Entry, score: Score) -> ScoreReply:
        if score.phase == "submit":
            self._conclude(score)
        elif score.outcome == "scored":
            self._ledger.change(validated=score.artefact)
        if score.outcome == "infrastructure_fault":
            self._ledger.refund(entry)
        self.settle(answering=entry)
        reply = self._reply(score.phase, score.outcome, score, seconds=self._ledger.seconds(entry))
        self._ledger.finish(entry, reply)
        return reply

    def _settled(self) -> ScoreReply | None:
        row = self._ledger.row
        if row.state not in ("submitted", "cut_off"):
            if not self._ledger.live:
                self._lodging.require_open()
            return None
        if row.submission is None:
            return self._reply("submit", "nothing_to_score")
        score = self._grader.final()
        if score is not None:
            return self._reply("submit", score.outcome, score, seconds=score.seconds)
        return self._reply("submit", "infrastructure_fault") if self._held() else None

    def _reply(
        self, phase: Phase, outcome: ScoreOutcome, score: Score | None = None, *, seconds: float = 0.0
    ) -> ScoreReply:
        row = self._ledger.row
        if score is not None and phase == "submit":
            score = score.model_copy(update={"fault_message": None})
        artefact = score.artefact if score is not None else row.submission
        return ScoreReply(
            phase=phase,
            outcome=outcome,
            score=score,
            seconds=seconds,
            budget=self._ledger.left(),
            state=self._ledger.state,
            exit_status=row.exit_status,
            fault=None if score is None else score.fault_message or score.fault_code,
            held=bool(artefact and outcome == "infrastructure_fault" and self._grader.held(phase, artefact)),
        )

    def _held(self) -> bool:
        return self._grader.held("submit", self._ledger.row.submission or "") is not None

    async def progress(self) -> str:
        """What becomes of the artefact that is being scored."""
        ahead = self._shared.scoring.waiting
        return f"{ahead} wait to be scored" if ahead else "it is being scored"
