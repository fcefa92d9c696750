"""The best of a session: the artefact that validated best, scored as `submit` would, once the session is over."""

import json
from dataclasses import dataclass

from mlgym_mcp.errors import CallerError, SessionBusy
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.grading import BEST, Grader
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.replies import BestReply, ScoreOutcome, ScoreReply
from mlgym_mcp.sessions.verdicts import ELSEWHERE, Verdicts
from mlgym_mcp.sessions.waiting import wait
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.spec import TaskSpec

GOES_ON = (
    "This session goes on, and what `submit` scores it must not learn before its own; end it first: "
    "`submit`, `end` or `cut_off`."
)


@dataclass(slots=True)
class Best:
    """What one session's best artefact scores; asked for any number of times, scored once."""

    grader: Grader
    verdicts: Verdicts
    _scoring: Operation[Score] | None = None

    @property
    def going_on(self) -> bool:
        """Whether it is being scored now."""
        return self._scoring is not None and not self._scoring.done

    async def score(self, call: Call) -> BestReply:
        """Score the artefact that validated best, or what was submitted where none did.

        Raises:
            CallerError: the session goes on.
            SessionBusy: another server has it.
        """
        if self.grader.ledger.live:
            raise CallerError(GOES_ON)
        submission = self.grader.ledger.row.submission
        artefact = self._best_validated() or submission
        if artefact is None:
            return BestReply(self._reply("nothing_to_score"), None, submitted=False, step=None)
        step = self._step_of(artefact)
        if artefact == submission:
            return BestReply(await self.verdicts.submit(call), artefact, submitted=True, step=step)
        return BestReply(await self._verdict(artefact, call), artefact, submitted=False, step=step)

    async def _verdict(self, artefact: str, call: Call) -> ScoreReply:
        if not self.grader.ledger.owned:
            raise SessionBusy(ELSEWHERE)
        if self._scoring is None or self._scoring.done:  # what was scored is found again, what failed is tried again
            self._scoring = Operation(lambda: self._score(artefact))
            self.grader.shared.spawn(self._scoring)
        scoring, pause = self._scoring, self.grader.shared.limits.notify_s
        if not await wait(scoring, call, pause=pause, last_line=_progress, limit=call.patience):
            return self._reply("pending")
        score = await scoring.result()
        return self._reply(score.outcome, score)

    async def _score(self, artefact: str) -> Score:
        await self.verdicts.idle()  # until then the session's GPUs are still its own
        return await self.grader.score_best(artefact)

    def _best_validated(self) -> str | None:
        return best_validated(self.grader.shared.services.store, self.grader.ledger.row.id, self.grader.task)

    def _step_of(self, artefact: str) -> int | None:
        ledger = self.grader.ledger
        for event in self.grader.shared.services.store.events.list(ledger.row.id):
            reply = json.loads(event.reply) if event.kind == "validate" and event.reply else {}
            if (reply.get("score") or {}).get("artefact") == artefact:
                return int(ledger.budget.limits.steps - reply["budget"]["steps"])
        return None

    def _reply(self, outcome: ScoreOutcome, score: Score | None = None) -> ScoreReply:
        row = self.grader.ledger.row
        return ScoreReply(
            phase="submit",
            outcome=outcome,
            score=None if score is None else score.model_copy(update={"fault_message": None}),
            seconds=score.seconds if score else 0.0,
            budget=self.grader.ledger.left(),
            state=self.grader.ledger.state,
            exit_status=row.exit_status,
            fault=None if score is None else score.fault_code,
            held=score is not None and self.grader.held(BEST, score.artefact) is not None,
        )


def best_validated(store: Store, session: str, task: TaskSpec) -> str | None:
    """The artefact of a session that validated best, the first of several; None where none did."""
    best, metric = None, task.ranking
    for found in store.scores.of_session(session, "validate"):
        score = found.score
        if score.outcome == "scored" and (
            best is None or metric.better(score.scores[metric.name], best.scores[metric.name])
        ):
            best = score
    return None if best is None else best.artefact


async def _progress() -> str:
    return "it is being scored"
