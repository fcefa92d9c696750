"""The tools that score: `validate` and `submit`."""

from typing import Annotated

from mcp.types import CallToolResult

from mlgym_mcp.sessions.replies import ScoreReply
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.tools.answers import ScoreAnswer
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.incoming import Request, SessionHandle, WaitSeconds
from mlgym_mcp.tools.render import score_text
from mlgym_mcp.tools.reply import structured

ScoreResult = Annotated[CallToolResult, ScoreAnswer]


def score_answer(reply: ScoreReply, session: Session) -> CallToolResult:
    """The answer of `validate`, `submit` and `cut_off`."""
    return structured(ScoreAnswer.of(reply, session), *score_text(reply))


class ScoringTools:
    """Scores are made where no agent ever was; both tools answer in text and in structure."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def validate(
        self, request: Request, wait_s: WaitSeconds = None, session: SessionHandle = None
    ) -> ScoreResult:
        """Score the submission files as they are now, without ending the session.

        They are packed once and scored elsewhere, on a part of the hidden data that `submit` doesn't use. Validate
        before every `submit`, and once early: it tells what is wrong with a file's format, and if the budget runs out
        the last artefact that validated is submitted for you. Costs one step.

        With the outcome `pending`, call it again to collect the score: that is free.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.validate(call=call)
        return score_answer(reply, target)

    async def submit(self, request: Request, wait_s: WaitSeconds = None, session: SessionHandle = None) -> ScoreResult:
        """Submit the files as they are now. This ends the session, and the score is final.

        With the outcome `pending`, call it again to collect the score. Calling it again later returns the same score.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.submit(call=call)
        return score_answer(reply, target)
