"""A session: one attempt at one task."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal, TypeVar

import anyio

from mlgym_mcp.errors import SandboxGone, SessionBusy, SessionClosed
from mlgym_mcp.sandbox.answers import JobInfo
from mlgym_mcp.sandbox.guest import KILL_WAIT
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions import run_token
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.aids import Aids
from mlgym_mcp.sessions.best import Best
from mlgym_mcp.sessions.budget import BudgetLeft
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.census import Presence
from mlgym_mcp.sessions.checkpointing import Checkpointing
from mlgym_mcp.sessions.course import course_of
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.editing import check, edit
from mlgym_mcp.sessions.errands import Errands
from mlgym_mcp.sessions.exit_status import HarnessCause
from mlgym_mcp.sessions.grading import Grader
from mlgym_mcp.sessions.keeper import keep
from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.once import Once
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.replies import (
    BestReply,
    CheckpointReply,
    CommandReply,
    EditReply,
    JobView,
    ScoreReply,
    SessionView,
)
from mlgym_mcp.sessions.run_token import RunToken
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.shell import Shell, last_line
from mlgym_mcp.sessions.state import SessionState
from mlgym_mcp.sessions.verdicts import Verdicts
from mlgym_mcp.sessions.waiting import wait
from mlgym_mcp.store import Checkpoint, Event, SessionRow
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tracing import span

JobAction = Literal["wait", "kill", "input"]
T = TypeVar("T")

NO_ANSWER = "The sandbox has not answered yet, and this call may still take effect: look before you repeat it."


class Session:
    """One attempt at one task. Calls are safe to make at the same time; the shell serves them in turn."""

    def __init__(self, shared: Shared, task: TaskSpec, row: SessionRow) -> None:
        self.id = row.id
        self.principal = row.principal
        self.task = task
        shared = self._shared = shared.of(row.id)
        self._store = shared.services.store
        changed = partial(shared.changes.session, row.id)
        clock, lease_s = shared.services.clock, shared.limits.lease_of(row.gpus)
        self._ledger = Ledger(self._store, clock, row, lease_s, spawn=shared.spawn, changed=changed)
        self._lodging = Lodging(shared, self._ledger, task)
        self._once = Once(self._store, row.id, shared.spawn)
        self._grader = Grader(shared, self._ledger, task, self._lodging, anyio.Lock())
        self._verdicts = Verdicts(self._grader, self._once)
        self._best = Best(self._grader, self._verdicts)
        self.aids = Aids(shared, self._ledger, self._lodging, self._verdicts, self._answer)
        self._shell = Shell()
        self.errands = Errands(shared, self._ledger, self._lodging, self._verdicts, self._once, self)
        self._checkpointing = Checkpointing(shared, self._ledger, task, self._lodging, self._shell)

    @property
    def state(self) -> SessionState:
        """`waiting`, `open`, `submitted`, `cut_off`, `ended` or `lost`."""
        return self._ledger.state

    @property
    def flavour(self) -> str:
        """`full` or `sample`; as asked for, so perhaps `auto`, while the session waits."""
        return self._ledger.row.flavour

    @property
    def protocol(self) -> str:
        """`strict` or `mlgym`."""
        return self._ledger.row.protocol

    @property
    def left(self) -> BudgetLeft:
        """What is left of the budget."""
        return self._ledger.left()

    @property
    def never_opened(self) -> bool:
        """Whether it was lost before anybody could work in it."""
        return self.state == "lost" and self._ledger.budget.opened_at is None

    @property
    def presence(self) -> Presence:
        """What it adds to the census."""
        jobs = self._lodging.jobs if self._lodging.current() else 0
        return Presence(self.state, self._lodging.stage, self._ledger.calls_now, jobs)

    @property
    def finished(self) -> bool:
        """Whether it is over and nothing of it goes on here."""
        going_on = self._verdicts.going_on or self._best.going_on
        return not (self._ledger.live or self._ledger.calls_now or going_on)

    async def bash(self, command: str, *, background: bool = False, call: Call = PATIENT) -> CommandReply:
        """Run a command in the session's shell; one that outlasts the call goes on as a job. One step.

        Raises:
            SessionBusy: the shell or the session's opening took as long as the caller would wait: free; or the
                sandbox gave no answer a while longer, and may still do it.
            SessionClosed: the session is over.
            BudgetSpent: no step or no time is left.
            CommandRefused: the guest refused it. Free.
        """
        return await self._answer("bash", CommandReply, call, lambda: self._bash(command, background, call))

    async def edit(self, request: EditRequest, *, call: Call = PATIENT) -> EditReply:
        """View or change a file. One step.

        Raises:
            CallerError: the arguments don't fit the command. Free.
            CommandRefused: the guest refused it, nothing was changed. Free.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        check(request)
        return await self._answer("edit", EditReply, call, lambda: self._edit(request, call))

    async def job(
        self, job: str, action: JobAction = "wait", *, data: bytes | None = None, call: Call = PATIENT
    ) -> CommandReply:
        """Follow, kill or feed a job. Free, but `input` is one step. `data`: what it sends; b"" closes the job's stdin.

        Raises:
            CommandRefused: there is no such job, or it takes no input.
            SessionBusy, SessionClosed: as for `bash`.
        """
        at_least = KILL_WAIT if action == "kill" else 0.0
        return await self._answer(
            "job", CommandReply, call, lambda: self._job(job, action, data, call), at_least=at_least
        )

    async def validate(self, *, call: Call = PATIENT) -> ScoreReply:
        """Score the artefact as it is now, without ending the session. One step.

        Outcome `pending` when the caller would wait no longer; the next call collects the score, free.

        Raises:
            InvalidSubmission: a file is absent or can't be taken; costs the step.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        return await self._verdicts.validate(call)

    async def submit(self, *, call: Call = PATIENT) -> ScoreReply:
        """Score the artefact and end the session. One step; once: later calls get the same score.

        Raises:
            InvalidSubmission: a file is absent or can't be taken; costs the step, the session stays open.
            SessionBusy, SessionClosed, BudgetSpent: as for `bash`.
        """
        return await self._verdicts.submit(call)

    async def cut_off(self, why: HarnessCause, *, call: Call = PATIENT) -> ScoreReply:
        """End the session as the end of its budget does, for an agent that stopped; when it is over, as `submit`. Free.

        Raises:
            SessionClosed: it ended without a submission.
        """
        return await self._verdicts.cut_off_by_harness(why, call)

    async def score_best(self, *, call: Call = PATIENT) -> BestReply:
        """What `submit` would have given for the artefact that validated best, once the session is over. Free.

        Raises:
            CallerError: the session goes on.
        """
        return await self._best.score(call)

    async def checkpoint(self, *, call: Call = PATIENT) -> CheckpointReply:
        """Keep the workspace and what the shell exports, to `restore` or to begin other sessions from. Free.

        Raises:
            CallerError: the session's checkpoints hold too much already.
            CommandRefused: a file can't be read.
            SessionBusy, SessionClosed: as for `bash`.
        """
        return await self._answer("checkpoint", CheckpointReply, call, lambda: self._checkpointing.take(call))

    async def restore(self, checkpoint: str, *, call: Call = PATIENT) -> CheckpointReply:
        """Go back to a checkpoint; what was spent stays spent. Free.

        Raises:
            CallerError: the session has no such checkpoint.
            SessionBusy, SessionClosed: as for `bash`.
        """
        work = partial(self._checkpointing.restore, checkpoint, call)
        return await self._answer("restore", CheckpointReply, call, work)

    def origin(self, checkpoint: str) -> Checkpoint:
        """A checkpoint of this session, for another session to begin from.

        Raises:
            CallerError: it has none of this name.
        """
        return self._checkpointing.find(checkpoint)

    @property
    def aided(self) -> dict[str, Any]:
        """What it has beside its sandbox, and for whom, for another session to have."""
        return {"aids": self._ledger.row.aids, "agent": self._ledger.row.agent}

    @property
    def gpu_count(self) -> int:
        """How many GPUs it has, or waits for."""
        return self._ledger.row.gpus

    async def status(self, *, call: Call = PATIENT) -> SessionView:
        """How the session stands; one that waits to open answers when it has, or when `call` is over. Free."""
        if self.state == "waiting":
            self._ledger.use()
            await self.opened(call)
        return self._view(await self._jobs(), self._grader.final())

    async def end(self, *, call: Call = PATIENT) -> SessionView:
        """Give the session up, unscored; a no-op when it is over. Free.

        Raises:
            SessionClosed: its submission is being scored.
        """
        self._once.known("end", call, dict)
        if self._ledger.live:
            self._lodging.forfeit(call)
        return self._view((), self._grader.final())

    def trajectory(self, most: int = sys.maxsize) -> tuple[list[Event], int]:
        """What happened, in order, as far as `most` characters go; and how many events there are in all."""
        return self._store.events.beginning(self.id, most)

    def run_token(self, lifetime: float) -> RunToken:
        """A token that opens this session and nothing else, for so many seconds at most.

        Raises:
            SessionClosed: the session is over.
        """
        self._lodging.require_open()
        return run_token.make(self._store, self._ledger, lifetime)

    def begin(self) -> None:
        """Open the session in the background."""
        self._shared.spawn(self._lodging.opening)
        self._shared.spawn(Operation(self._keep))

    def take_up(self, seen: float) -> None:
        """Settle what an earlier server left, whose last sign of life was at `seen`, in seconds since the epoch."""
        self._ledger.recover(seen)

    async def resume(self) -> None:
        """Go on where an earlier server stopped, once it is taken up."""
        if self.state == "waiting":
            self.begin()
        elif self.state == "open":
            await self._lodging.resume()
            self._shared.spawn(Operation(self._keep))
            self._shared.spawn(Operation(self.errands.take_up))
        else:
            self._lodging.vacate()
        self._verdicts.resume()

    async def opened(self, call: Call) -> bool:
        """Wait for the session to open, as long as the caller would; whether it has opened or failed to."""
        pause = self._shared.limits.notify_s
        return await wait(self._lodging.opening, call, pause=pause, last_line=self._last_line, limit=call.patience)

    async def require_opened(self) -> None:
        """Raise what kept the session from opening, if something did."""
        if self._lodging.opening.done:
            await self._lodging.opening.result()

    async def _bash(self, command: str, background: bool, call: Call) -> CommandReply:
        until = anyio.current_time() + call.patience
        guest = await self._lodging.guest(call)
        if background:
            return await self._run(command, True, 0.0, call)
        async with self._shell.turn(guest, until - anyio.current_time()):
            return await self._run(command, False, max(0.0, until - anyio.current_time()), call)

    async def _run(self, command: str, background: bool, wait_s: float, call: Call) -> CommandReply:
        guest = await self._lodging.guest(call)
        request = {"command": command, "background": background}
        async with accepted(self._lodging, "bash", request, call) as entry:
            with span("command", background=background):
                result = await guest.run(
                    command,
                    wait_s=wait_s,
                    time_limit=self._ledger.left().command_time,
                    background=background,
                    key=call.guest_key,
                )
        self._verdicts.settle()
        reply = CommandReply(result, self._ledger.seconds(entry), self._ledger.left(), self.state)
        self._ledger.finish(entry, reply)
        return reply

    async def _edit(self, request: EditRequest, call: Call) -> EditReply:
        guest = await self._lodging.guest(call)
        async with accepted(self._lodging, "edit", request, call) as entry:
            edited = await edit(guest, request, call.guest_key)
        self._verdicts.settle()
        reply = EditReply(
            command=request.command,
            path=request.path,
            seconds=self._ledger.seconds(entry),
            budget=self._ledger.left(),
            state=self.state,
            content=edited.content,
            overwrote=edited.overwrote,
            snippet=edited.snippet,
        )
        self._ledger.finish(entry, reply)
        return reply

    async def _job(self, job: str, action: JobAction, data: bytes | None, call: Call) -> CommandReply:
        guest = await self._lodging.guest(call)
        request = {"job": job, "action": action, "input": data}
        # What a job reads may be commands: free input would be a shell without a budget.
        async with accepted(self._lodging, "job", request, call, charge=action == "input") as entry:
            if action == "kill":
                result = await guest.job_kill(job)
            elif action == "input":
                result = await guest.job_input(job, data or b"", wait_s=call.patience, key=call.guest_key)
            else:
                result = await guest.job_wait(job, wait_s=call.patience)
        self._verdicts.settle()
        reply = CommandReply(result, self._ledger.seconds(entry), self._ledger.left(), self.state)
        self._ledger.finish(entry, reply)
        return reply

    async def _answer(
        self, kind: str, reply: type[T], call: Call, work: Callable[[], Awaitable[T]], *, at_least: float = 0.0
    ) -> T:
        """What comes of work that is done once under the call's key, as long as the caller waits for it."""
        operation = self._once.known(kind, call, reply) or self._once.start(kind, call, work)
        limits = self._shared.limits
        limit = max(call.patience, at_least) + limits.slack_s
        if not await wait(operation, call, pause=limits.notify_s, last_line=self._last_line, limit=limit):
            raise SessionBusy(NO_ANSWER)
        return await operation.result()

    async def _keep(self) -> None:
        await keep(self._shared, self._ledger, self._lodging, self._verdicts)

    async def _last_line(self) -> str:
        if self.state == "waiting":
            return self._ledger.row.reason or ""
        return await last_line(self._lodging.current())

    async def _jobs(self) -> tuple[JobView, ...]:
        guest = self._lodging.current()
        if guest is None:
            return ()
        jobs: list[JobInfo] = []
        try:
            # Without an answer there is still a state and a budget to tell.
            with anyio.move_on_after(self._shared.limits.slack_s):
                async with self._lodging.attended():
                    jobs = await guest.jobs()
        except (SandboxGone, SessionClosed):
            return ()  # the session's state says it all
        return tuple(map(JobView.of, jobs))

    def _view(self, jobs: tuple[JobView, ...], score: Score | None) -> SessionView:
        row = self._ledger.row
        return SessionView(
            id=self.id,
            task=self.task.id,
            state=self.state,
            reason=row.reason,
            flavour=row.flavour,
            protocol=row.protocol,
            budget=self._ledger.left(),
            created_at=row.created_at,
            exit_status=row.exit_status,
            course=course_of(self._store, row, self._ledger.budget.limits, self.task),
            jobs=jobs,
            gpus=self._lodging.gpus.usage,
            network=self.task.resources.network.allow,
            score=None if score is None else score.model_copy(update={"fault_message": None}),
        )
