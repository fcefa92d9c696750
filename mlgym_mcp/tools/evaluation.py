"""The group `evaluation`: for harnesses, which see to it that each attempt ends with its numbers."""

from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.errors import UnknownTask
from mlgym_mcp.sessions.exit_status import HarnessCause
from mlgym_mcp.sessions.run_token import LONGEST
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.answers import BestAnswer, RunTokenAnswer
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.files import content_of
from mlgym_mcp.tools.incoming import Request, SessionHandle, WaitSeconds
from mlgym_mcp.tools.render import best_text
from mlgym_mcp.tools.reply import readable, structured
from mlgym_mcp.tools.scoring import ScoreResult, score_answer

BASELINE = "mlgym://tasks/{id}/baseline/{+path}"

BestResult = Annotated[CallToolResult, BestAnswer]
RunTokenResult = Annotated[CallToolResult, RunTokenAnswer]


class EvaluationTools:
    """What whoever runs an agent does when it has stopped."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def cut_off(
        self,
        request: Request,
        why: Annotated[HarnessCause, Field(description="The exit status tells it: `autosubmission (exit_cost)`.")],
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> ScoreResult:
        """End a session whose agent has stopped, as the end of its budget would: what last validated is submitted.

        Where nothing ever validated, the files are submitted as they are; where they can't be taken, the outcome is
        `nothing_to_score`. Free. With the outcome `pending`, call it again. On a session that is over it answers as
        `submit` does, and changes nothing.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.cut_off(why, call=call)
        return score_answer(reply, target)

    async def score_best(
        self, request: Request, wait_s: WaitSeconds = None, session: SessionHandle = None
    ) -> BestResult:
        """Score, as `submit` would have, what validated best in a session that is over. Free.

        If that is what was submitted, this is its score. It stands on no leaderboard, and is scored once. With the
        outcome `pending`, call it again.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.score_best(call=call)
        return structured(BestAnswer.of_best(reply, target), *best_text(reply))

    async def run_token(
        self,
        request: Request,
        lifetime: Annotated[float, Field(description="Seconds until it expires.", gt=0, le=LONGEST)] = LONGEST,
        session: SessionHandle = None,
    ) -> RunTokenResult:
        """Give a token for one session, to hand to whoever works in it: an agent's program, for instance.

        Over HTTP, whoever shows it at `/mcp` finds that session there and nothing else, as at `/s/<session>/mcp`. It
        ends with its session, ten minutes after, and is told this once. Free.
        """
        async with self._desk.turn(request, session) as (target, _):
            given = target.run_token(lifetime)
        return structured(RunTokenAnswer.of(given, target), given.secret)


def add_baselines(server: MCPServer[Any], desk: Desk) -> None:
    """Let harnesses read the tasks' baseline solutions."""
    if not evaluates(desk):
        return

    @server.resource(BASELINE, title="A file of a task's baseline", mime_type="text/plain")
    @readable
    @desk.guard.guarded("evaluate")
    async def baseline(id: str, path: str) -> str | bytes:  # noqa: A002 - the template's word
        """A file of the baseline solution, laid over the starter files."""
        found = (await desk.task(id)).baseline_files()
        if path not in found:
            raise UnknownTask(f"The baseline of {id} has no file {path!r}; it has: {', '.join(found)}.")
        return content_of(found[path])


def evaluates(desk: Desk) -> bool:
    """Whether callers run agents: then they read what no agent within one session does."""
    return "evaluation" in desk.groups and not desk.one_session


def baselines_of(task: TaskSpec) -> list[str]:
    """The addresses of a task's baseline files."""
    return [f"mlgym://tasks/{task.id}/baseline/{path}" for path in task.baseline_files()]
