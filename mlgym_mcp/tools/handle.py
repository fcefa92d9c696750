"""Which session a call means. No connection names one: the newest protocol has no transport sessions."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mlgym_mcp.errors import UnknownSession
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.tools.caller import Caller, current_caller

OpenManager: TypeAlias = Callable[[], Awaitable[SessionManager]]
"""Gives the manager, opened by the first call that needs it."""

ONE_SESSION = "There is one session only here; leave `session` out."


@dataclass(slots=True)
class Handles:
    """Finds sessions: by the handle given, by the address or the pin, as the caller's only open one or last used."""

    manager: OpenManager
    pinned: StartRequest | None = None
    """What a pinned server's one session is started with."""
    _pinned_id: str | None = None
    _pin_key: str = field(default_factory=lambda: secrets.token_hex(16))

    async def session(self, handle: str | None, call: Call) -> Session:
        """The session that a call means.

        Raises:
            UnknownSession: no session has this handle, or none was given and it isn't clear which is meant.
        """
        manager, caller = await self.manager(), current_caller()
        if caller.session and handle and handle != caller.session:
            raise UnknownSession(ONE_SESSION)
        named = handle or caller.session
        if self.pinned is not None:
            return await self._pinned_session(manager, self.pinned, named, call)
        return await manager.get(named or _meant(manager, caller), principal=caller.principal, operates=caller.operates)

    def advice(self, session: Session) -> str:
        """What to do instead of a call that was refused because the session takes no more."""
        if session.state in LIVE:
            return ""
        if self.pinned is None:
            return "" if current_caller().session else " `start` makes a new one."
        return " Call again: this server tries once more." if session.never_opened else " This server has no other."

    async def _pinned_session(
        self, manager: SessionManager, pinned: StartRequest, named: str | None, call: Call
    ) -> Session:
        if named and self._pinned_id is None:
            raise UnknownSession(ONE_SESSION)
        session = await manager.get(self._pinned_id) if self._pinned_id else None
        if session is None or session.never_opened:
            # Answered at once, so that the call has all of its time; under one key, so that two calls start but one.
            session = await manager.start(pinned, call=replace(call, wait_s=0, key=self._pin_key))
            self._pinned_id = session.id
        if named and named != session.id:
            raise UnknownSession(ONE_SESSION)
        return session


def _meant(manager: SessionManager, caller: Caller) -> str:
    if not caller.known:
        raise UnknownSession(
            "Say which session in `session`, as `start` named it: this server can't tell its callers apart. "
            "`start` makes a new one."
        )
    sessions = manager.open_sessions(caller.principal)
    if len(sessions) > 1:
        listed = "\n".join(f"- {session.id}: {session.task.id}, {session.state}" for session in sessions)
        raise UnknownSession(f"You have {len(sessions)} open sessions; say which in `session`:\n{listed}")
    # With none open, the last one: its score may still have to be collected.
    last = sessions[0].id if sessions else manager.last_used(caller.principal)
    if last is None:
        raise UnknownSession("You have no open session. Call `start` with a task of `list_tasks`.")
    return last
