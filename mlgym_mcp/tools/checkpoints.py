"""The tools of the group `checkpoints`: for clients that search, or train, over the states of a session."""

from typing import Annotated

import anyio
from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.tools.answers import CheckpointAnswer
from mlgym_mcp.tools.caller import current_caller
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.incoming import Request, SessionHandle, WaitSeconds
from mlgym_mcp.tools.render import checkpoint_text, restore_text, session_text
from mlgym_mcp.tools.reply import structured
from mlgym_mcp.tools.session_answer import SessionAnswer
from mlgym_mcp.tools.sessions import SessionResult

CheckpointResult = Annotated[CallToolResult, CheckpointAnswer]


class CheckpointTools:
    """States of a session: kept, gone back to, and gone on from elsewhere."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def checkpoint(
        self, request: Request, wait_s: WaitSeconds = None, session: SessionHandle = None
    ) -> CheckpointResult:
        """Keep the session's files as they are now, under a name such as `c1`: for `restore` and `fork`. Free.

        Kept are all of /workspace, the shell's directory and its exported variables. Not kept are processes (jobs go
        on, and the checkpoint has what they had written by now), functions and other variables, and files elsewhere,
        such as in /tmp. It waits for the command that runs in the shell.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.checkpoint(call=call)
        return structured(CheckpointAnswer.of(reply, target), *checkpoint_text(reply))

    async def restore(
        self,
        request: Request,
        checkpoint: Annotated[str, Field(description="A checkpoint of this session, such as `c1`.")],
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> CheckpointResult:
        """Take the session back to one of its checkpoints, in a fresh sandbox: jobs end, later files are gone.

        What was spent stays spent: steps, validations and time don't come back. Free.
        """
        async with self._desk.turn(request, session, wait_s) as (target, call):
            reply = await target.restore(checkpoint, call=call)
        return structured(CheckpointAnswer.of(reply, target), *restore_text(reply))

    async def fork(
        self,
        request: Request,
        checkpoint: Annotated[
            str | None, Field(description="Where to begin, such as `c1`; left out: from the session as it is now.")
        ] = None,
        wait_s: WaitSeconds = None,
        session: SessionHandle = None,
    ) -> SessionResult:
        """Start another session that begins where this one was at a checkpoint; this one goes on as it is.

        It has a handle and a sandbox of its own, and the budget that was left at the checkpoint. Processes are not
        carried. Scores of sessions with checkpoints in their past are marked as branched. Free.
        """
        began = anyio.current_time()
        async with self._desk.turn(request, session, wait_s) as (source, call):
            manager = await self._desk.manager()
            made = await manager.fork(source, checkpoint, principal=current_caller().principal, call=call)
        view = await made.status(call=AT_ONCE)
        return structured(SessionAnswer.of(view), *session_text(view, anyio.current_time() - began))
