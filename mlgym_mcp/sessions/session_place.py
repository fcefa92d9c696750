"""The place of one session on a cluster; nothing where sandboxes are made on this machine."""

import hashlib

import structlog

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.sandbox.base import Wanted
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.sessions.shared import Shared

log = structlog.get_logger(__name__)


def place_name(session: str) -> str:
    """The name of a session's place, which tells nothing of its handle."""
    return hashlib.sha256(f"place of {session}".encode()).hexdigest()[:24]


class SessionPlace:
    """What a session has reserved for its sandboxes, its judges and their contestants."""

    def __init__(self, shared: Shared, session: str, wanted: Wanted) -> None:
        self._places = shared.services.places
        self._wanted = wanted
        self.name = place_name(session) if self._places else ""
        """As sandboxes are told."""

    async def take(self, say: Progress) -> None:
        """Reserve it in turn, unless it is; `say` is told how that goes."""
        if self._places:
            await self._places.take(self.name, self._wanted, say)

    async def give(self) -> None:
        """Let others have it; what can't be given back now, the next sweep gives."""
        try:
            if self._places:
                await self._places.give(self.name)
        except SandboxError as error:
            log.warning("place_not_given_back", place=self.name, reason=str(error))
