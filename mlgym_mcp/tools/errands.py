"""Commands and scorings that outlast their call: a client that knows tasks leaves them to the server and follows."""

import re
from collections.abc import Mapping
from typing import Any

import anyio
from mcp.server.context import HandlerResult
from mcp.types import CallToolRequestParams, CallToolResult
from structlog.contextvars import bind_contextvars

from mlgym_mcp.errors import CallerError, InfrastructureError, UnknownSession
from mlgym_mcp.sessions.errands import KINDS, Errand
from mlgym_mcp.sessions.replies import CommandReply, ScoreReply
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import Event
from mlgym_mcp.tools.background import BackgroundTask, Call, Status, result_of, stamp
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.incoming import told_accepted
from mlgym_mcp.tools.render import command_answer
from mlgym_mcp.tools.reply import refused
from mlgym_mcp.tools.scoring import score_answer

KEPT = 24 * 3600
"""Seconds beyond a session's wall time for which its tasks can be looked up, at the least."""
FORM = re.compile(r"[0-9]{1,18}-[0-9a-f]{32}")
"""What all ids of tasks look like."""
INTERVALS = ((60.0, 2.0), (600.0, 5.0), (float("inf"), 15.0))
"""For a task of up to so many seconds, how many to leave between two looks."""


class Errands:
    """The source of the tasks of a server's sessions. It keeps nothing: all is in the sessions' own records."""

    tools = frozenset(KINDS)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def call(self, params: CallToolRequestParams, call: Call) -> HandlerResult | BackgroundTask:
        """Make a call; from its acceptance on it is waited for only so long.

        Until then it is none that could be looked up: its session is not open yet, or its shell is busy.
        """
        began, events, result = anyio.current_time(), list[int](), None
        waiting = anyio.CancelScope()

        def accepted(event: int) -> None:
            events.append(event)
            waiting.deadline = max(began + self._desk.defaults.task_after, anyio.current_time())

        with waiting, told_accepted(accepted):
            result = await call()
        if result is not None:
            return result
        task = await self.look((await self._desk.manager()).errand_of(events[0]))
        if task is None:
            raise InfrastructureError("a call that was accepted is not there to be looked up")
        return task.result or task  # it may have come to its end meanwhile

    async def look(self, task_id: str) -> BackgroundTask | None:
        """How a task stands; None if there is none, or none of this caller's.

        Raises:
            MLGymError: it can't be told now, or the caller may not ask.
        """
        if (found := await self._find(task_id)) is None:
            return None
        session, event = found
        errand = await session.errands.look(event)
        status, result = _outcome(errand, session)
        return BackgroundTask(
            task_id=errand.id,
            status=status,
            status_message=f"{event.kind}: {errand.note}",
            created_at=stamp(errand.began),
            last_updated_at=stamp(errand.changed),
            ttl_ms=int(1000 * (session.task.budget.wall_time + KEPT)),
            poll_interval_ms=_interval(errand.changed - errand.began),
            result=result,
        )

    async def cancel(self, task_id: str) -> bool:
        """End a task's command; a scoring goes on."""
        if (found := await self._find(task_id)) is None:
            return False
        session, event = found
        await session.errands.stop(event)
        return True

    async def update(self, task_id: str, responses: Mapping[str, Any]) -> bool:
        """Take note of answers; no task of ours asks anything."""
        return await self._find(task_id) is not None

    async def _find(self, task_id: str) -> tuple[Session, Event] | None:
        self._desk.guard.require("attempt")
        if not FORM.fullmatch(task_id):
            return None  # without opening what is not open yet
        manager = await self._desk.manager()
        if (event := manager.errand(task_id)) is None:
            return None
        try:
            session = await self._desk.handles.session(event.session, AT_ONCE)
        except UnknownSession:
            return None
        bind_contextvars(session=session.id)
        # Anew, for a session that was just taken over from a server that is gone has settled what that left.
        return session, manager.errand(task_id) or event


def _outcome(errand: Errand, session: Session) -> tuple[Status, dict[str, Any] | None]:
    if errand.outcome == "refused":
        return "completed", result_of(refused(CallerError(errand.note)))
    if errand.reply is None:
        return ("cancelled" if errand.outcome == "cancelled" else "working"), None
    return "completed", result_of(_answer(errand.reply, session))


def _answer(reply: CommandReply | ScoreReply, session: Session) -> CallToolResult:
    return command_answer(reply) if isinstance(reply, CommandReply) else score_answer(reply, session)


def _interval(seconds: float) -> int:
    return next(int(1000 * pause) for limit, pause in INTERVALS if seconds <= limit)
