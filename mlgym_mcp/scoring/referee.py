"""The referee: scores an artefact in sandboxes that no agent ever was in.

The artefact's bytes, named by their hash, go into a fresh judge with the hidden data; if they are code, into fresh
contestants too, which share nothing with the judge. What comes of it is one of three: a score, the submission's fault,
or ours, which is never held against the submission.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import structlog

from mlgym_mcp.errors import MLGymError, ScoringError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.base import MIB, Backend, Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.pieces import pieces
from mlgym_mcp.scoring.grading import Silence, Verdict, grade, load
from mlgym_mcp.scoring.request import ScoreRequest
from mlgym_mcp.scoring.reward import task_reward
from mlgym_mcp.scoring.runner import ARTEFACT, Runner
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.seed import derive_seed, secret_hash
from mlgym_mcp.tracing import span

START_ALLOWANCE = 120.0
"""Seconds that starting and ending a scoring's sandboxes may take beside the scoring itself."""
UPSTREAM = "upstream"

log = structlog.get_logger()


class Referee:
    """Scores artefacts on one backend. How many at once is for its callers to limit."""

    def __init__(self, backend: Backend, secret: bytes, new_sandbox: Callable[[], str]) -> None:
        """`new_sandbox` gives ids whose owner a later sweep can tell."""
        self._backend = backend
        self._secret = secret
        self._new_sandbox = new_sandbox

    async def score(self, request: ScoreRequest) -> Score:
        """Score one artefact. Never raises for what the artefact does; a fault of ours is an outcome, too."""
        began = time.monotonic()
        upstream: Verdict | None = None
        try:
            async with self._judge(request) as judge:
                first, *later = _gradings(request)
                verdict = await self._grade(request, judge, first)
                if later and verdict.outcome == "scored":
                    upstream = await self._grade(request, judge, later[0])
        except (MLGymError, OSError) as error:
            # Whatever branch of the errors it is of: neither the agent nor its caller asked for what was refused here.
            log.error("scoring_failed", task=request.task.id, artefact=request.artefact.sha256, reason=str(error))
            verdict = Verdict("grader_error", code="infrastructure", message=None)
        if verdict.outcome == "grader_error" and verdict.message:
            log.error("grader_failed", task=request.task.id, artefact=request.artefact.sha256, reason=verdict.message)
        return self._record(request, verdict, upstream, seconds=time.monotonic() - began)

    async def _grade(self, request: ScoreRequest, judge: Runner, phase: str) -> Verdict:
        seed = self._seed(request, phase)
        question = {
            "type": "grade",
            "phase": phase,
            "flavour": request.prepared.flavour,
            "seed": seed,
            "kind": request.task.submission.kind,
        }
        try:
            with anyio.fail_after(request.task.scoring.time_limit):
                verdict = await grade(judge, question, lambda: self._contestant(request, phase))
        except TimeoutError:
            limit = request.task.scoring.time_limit
            return Verdict("submission_fault", code="late", message=f"scoring took longer than {limit:g} s")
        expected = {metric.name for metric in request.task.metrics}
        if verdict.outcome == "scored" and verdict.scores.keys() != expected:
            raise ScoringError(
                f"the grader measured {sorted(verdict.scores)}, the task's metrics are {sorted(expected)}"
            )
        return verdict

    @asynccontextmanager
    async def _judge(self, request: ScoreRequest) -> AsyncIterator[Runner]:
        mounts = (Mount(request.task.grader, "/grader/grader.py"), Mount(request.prepared.hidden, "/hidden"))
        hash_seed = self._seed(request, "judge")
        with span("judge"):
            async with self._sandbox(request, mounts) as guest:
                yield await Runner.start(guest, self._python(request), "judge", hash_seed=hash_seed)

    @asynccontextmanager
    async def _contestant(self, request: ScoreRequest, phase: str) -> AsyncIterator[Runner | Silence]:
        # Not the seed of play: from that one a submission could foresee the judge's draws.
        seed = self._seed(request, f"contestant of {phase}")
        with span("contestant"):
            async with self._sandbox(request, ()) as guest:
                runner = await Runner.start(guest, self._python(request), "contestant", hash_seed=seed)
                yield await load(runner, seed)

    @asynccontextmanager
    async def _sandbox(self, request: ScoreRequest, mounts: tuple[Mount, ...]) -> AsyncIterator[Guest]:
        resources = request.task.resources
        spec = SandboxSpec(
            id=self._new_sandbox(),
            token=secrets.token_urlsafe(16),
            profile=request.prepared.profile,
            limits=Limits(
                cpus=resources.cpus,
                memory=resources.memory,
                # The artefact lies there packed and unpacked.
                disk=max(2 * request.task.submission.max_size, 64 * MIB) + 64 * MIB,
                shm=resources.shm,
            ),
            mounts=mounts,
            gpus=request.gpus,
            place=request.place,
            lifetime=2 * request.task.scoring.time_limit + START_ALLOWANCE,
            orphan_grace=START_ALLOWANCE,
        )
        with request.counted(spec.limits):
            async with open_sandbox(self._backend, spec) as guest:
                await guest.write(ARTEFACT, pieces(request.artefact.path))
                yield guest

    def _python(self, request: ScoreRequest) -> str:
        return profiles.load(request.prepared.profile).python

    def _seed(self, request: ScoreRequest, purpose: str) -> int:
        return derive_seed(self._secret, "play", request.session_id, purpose, request.artefact.sha256)

    def _record(self, request: ScoreRequest, verdict: Verdict, upstream: Verdict | None, *, seconds: float) -> Score:
        outcome = "infrastructure_fault" if verdict.outcome == "grader_error" else verdict.outcome
        if _covers_upstream(request):
            upstream = verdict
        beside_published = upstream if upstream is not None and upstream.outcome == "scored" else None
        return Score(
            **request.identity(secret_hash=secret_hash(self._secret), backend=self._backend.name),
            outcome=outcome,
            scores=verdict.scores,
            standard_error=verdict.standard_error,
            reward=task_reward(
                request.task,
                outcome,
                verdict.scores,
                flavour=request.prepared.flavour,
                protocol=request.protocol,
            ),
            upstream_scores=beside_published.scores if beside_published else None,
            upstream_standard_error=beside_published.standard_error if beside_published else None,
            fault_code=verdict.code,
            fault_message=verdict.message if outcome == "submission_fault" else None,
            seconds=seconds,
        )


def _gradings(request: ScoreRequest) -> list[str]:
    """What the judge is asked for: the phase that ranks, and after it all of upstream's examples where that is due."""
    if request.protocol == "mlgym":
        return [UPSTREAM]
    if _stands_beside_published(request):
        return [request.phase, UPSTREAM]
    return [request.phase]


def _covers_upstream(request: ScoreRequest) -> bool:
    """Whether what ranks is itself measured on all of upstream's examples."""
    return request.protocol == "mlgym" and _stands_beside_published(request)


def _stands_beside_published(request: ScoreRequest) -> bool:
    return request.phase == "submit" and request.prepared.flavour == "full"
