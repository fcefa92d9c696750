"""Grading: artefacts of one session are packed, kept, scored in their turn, and recorded."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import anyio
import structlog

from mlgym_mcp.errors import CallerError, InfrastructureError, SandboxGone, ScoringError
from mlgym_mcp.sandbox.base import Limits
from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.scoring.request import ArtefactRef, ScoreRequest
from mlgym_mcp.scoring.score import Phase, Score
from mlgym_mcp.sessions.amounts import Amounts
from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tracing import span

T = TypeVar("T")

BEST = "best"
"""The phase under which `score_best` is recorded: what reads submissions and validations passes it over."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Grader:
    """Scores the artefacts of one session."""

    shared: Shared
    ledger: Ledger
    task: TaskSpec
    lodging: Lodging
    packing: anyio.Lock

    async def pack(self, guest: Guest) -> ArtefactRef:
        """Take the artefact as it is now; on return its bytes are kept and nothing can change them.

        Raises:
            InvalidSubmission: a file is absent, not regular, or all are too large.
        """
        async with self.packing:
            try:
                return await self._packed(guest)
            except SandboxGone:  # a stream that was lost midway is opened again, but what was half told is told anew
                return await self._packed(guest)

    async def _packed(self, guest: Guest) -> ArtefactRef:
        submission = self.task.submission
        chunks = guest.pack(submission.files, max_size=submission.max_size)
        stored = await self.shared.services.store.artefacts.add(chunks)
        return ArtefactRef(stored.sha256, stored.path, stored.size)

    def kept(self, sha256: str) -> ArtefactRef:
        """An artefact that was packed before.

        Raises:
            CallerError: the operator has had it removed.
            ScoringError: its file is gone.
        """
        store = self.shared.services.store
        stored = store.artefacts.get(sha256)
        if stored is None and (pruned := store.pruned.told(sha256)):
            raise CallerError(f"This artefact {pruned}, so it can't be scored any more; its earlier scores stand.")
        if stored is None:
            raise ScoringError(f"the artefact {sha256} is gone from the data folder")
        return ArtefactRef(stored.sha256, stored.path, stored.size)

    async def score(self, phase: Phase, artefact: ArtefactRef, conclude: Callable[[Score], T]) -> T:
        """Score an artefact in its turn; whatever comes of it is recorded, and all that `conclude` writes with it."""

        def concluded(score: Score) -> T:
            if phase == "submit" and score.outcome == "scored":
                self.shared.changes.leaderboard(self.task.id)
            return conclude(score)

        return await self._recorded(phase, artefact, partial(self._referee, phase, artefact), concluded)

    async def score_best(self, sha256: str) -> Score:
        """Score a kept artefact as `submit` would have, once the session is over; once, unless we fail at it."""
        scores, row = self.shared.services.store.scores, self.ledger.row
        if (known := scores.settled(row.id, BEST, sha256) or scores.held(row.id, BEST, sha256)) is not None:
            return known
        await self.lodging.vacated()
        # Before a place to score in: who waits for GPUs keeps nobody from a place.
        async with self.lodging.gpus.borrowed() as gpus:
            artefact = self.kept(sha256)
            referee = partial(self._referee, "submit", artefact, borrowed=gpus)
            return await self._recorded(BEST, artefact, referee, lambda score: score)

    def held(self, phase: str, sha256: str) -> Score | None:
        """The last fault of an artefact that has failed too often, through no fault of its own, to be tried again."""
        return self.shared.services.store.scores.held(self.ledger.row.id, phase, sha256)

    def final(self) -> Score | None:
        """The score of the session's submission; None while there is none."""
        row = self.ledger.row
        return self.shared.services.store.scores.settled(row.id, "submit", row.submission or "")

    async def _recorded(
        self, phase: str, artefact: ArtefactRef, score: Callable[[], Awaitable[Score]], conclude: Callable[[Score], T]
    ) -> T:
        store, row = self.shared.services.store, self.ledger.row
        submission = store.submissions.add(row.id, phase, artefact.sha256, size=artefact.size, at=self.ledger.now)
        place = self.shared.scoring.total if self.task.scoring.exclusive else Amounts(1)
        async with AsyncExitStack() as stack:
            stack.enter_context(self.shared.drain.waits())
            # Only the wait for a place is the server's: scoring takes as long as the submission makes it.
            with self.ledger.excused(), span("scoring place"):
                await stack.enter_async_context(self.shared.scoring.held(place))
            with span("scoring", task=self.task.id, phase=phase):
                made = await score()
        self.shared.services.meter.scored(self.task.id, phase, made.outcome, made.seconds)
        # In one: a server that is killed leaves a score with its consequences, or an artefact to be scored.
        with self.ledger.transaction(durable=True):
            store.scores.add(submission.id, made, at=self.ledger.now)
            return conclude(made)

    async def _referee(self, phase: Phase, artefact: ArtefactRef, *, borrowed: tuple[Gpu, ...] | None = None) -> Score:
        began = anyio.current_time()
        prepared = await self.lodging.prepared()
        if borrowed is None:
            await self.lodging.gpus.find()
        request = ScoreRequest(
            task=self.task,
            prepared=prepared,
            artefact=artefact,
            phase=phase,
            protocol=self.ledger.row.protocol,  # type: ignore[arg-type]  # only protocols are ever written
            session_id=self.ledger.row.id,
            gpus=self.lodging.gpus.devices if borrowed is None else borrowed,
            gpu_usage=self.lodging.gpus.usage if borrowed is None else None,
            place=self.lodging.place.name,
            branched=self.ledger.row.origin is not None,
            aids=tuple(self.ledger.row.aids.split()),
            counted=self._counted,
        )
        try:
            return await self.shared.services.referee.score(request)
        except InfrastructureError as error:
            log.warning("scoring_failed", session=request.session_id, artefact=artefact.sha256, error=str(error))
        except Exception:  # noqa: BLE001 - a bug counts as a fault of ours; raised, no retry would ever end
            log.exception("scoring_failed", session=request.session_id, artefact=artefact.sha256)
        services = self.shared.services
        identity = request.identity(secret_hash=services.store.secret_hash, backend=services.backend.name)
        return Score(**identity, outcome="infrastructure_fault", seconds=anyio.current_time() - began)

    def _counted(self, limits: Limits) -> AbstractContextManager[None]:
        # Beyond what there is, if need be: the session that waits for the score gives nothing up before it has it.
        return self.shared.sandboxes.held_beyond(Amounts(memory=limits.memory, cpus=limits.cpus))
