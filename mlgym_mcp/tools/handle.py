"""Which session a call means. No connection names one: the newest protocol has no transport sessions."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mlgym_mcp.errors import UnknownSession
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.tools.incoming import LOCAL

OpenManager: TypeAlias = Callable[[], Awaitable[SessionManager]]
"""Gives the manager, opened by the first call that needs it."""


@dataclass(slots=True)
class Handles:
    """Finds sessions: by the handle given, by what the server is pinned to, or as the only one that is open."""

    manager: OpenManager
    pinned: StartRequest | None = None
    """What a pinned server's one session is started with."""
    _pinned_id: str | None = None
    _pin_key: str = field(default_factory=lambda: secrets.token_hex(8))

    async def session(self, handle: str | None, call: Call, *, principal: str = LOCAL) -> Session:
        """The session that a call means.

        Raises:
            UnknownSession: no session has this handle, or none was given and it isn't clear which is meant.
        """
        manager = await self.manager()
        if self.pinned is not None:
            return await self._pinned_session(manager, self.pinned, handle, call)
        if handle:
            return await manager.get(handle, principal=principal)
        return _only(manager.open_sessions(principal))

    async def _pinned_session(
        self, manager: SessionManager, pinned: StartRequest, handle: str | None, call: Call
    ) -> Session:
        if self._pinned_id is None:
            # Answered at once, so that the call has all of its time; under one key, so that two calls start but one.
            session = await manager.start(pinned, call=replace(call, wait_s=0, key=self._pin_key))
            self._pinned_id = session.id
        if handle and handle != self._pinned_id:
            raise UnknownSession("This server has one session only; leave `session` out.")
        return await manager.get(self._pinned_id)


def _only(sessions: list[Session]) -> Session:
    if len(sessions) == 1:
        return sessions[0]
    if not sessions:
        raise UnknownSession("You have no open session. Call `start` with a task of `list_tasks`.")
    listed = "\n".join(f"- {session.id}: {session.task.id}, {session.state}" for session in sessions)
    raise UnknownSession(f"You have {len(sessions)} open sessions; say which in `session`:\n{listed}")
