"""The sweep: what servers that are gone have left behind.

A sandbox is removed when it has no live lease and no live owner. A session whose sandbox is dead, or whose lease is
over, is taken over and ended, and one that was cut off is scored; the others wait until somebody uses their handle.
"""

from collections.abc import Awaitable, Callable

import structlog

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.sessions.session_place import place_name
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import SessionRow

log = structlog.get_logger(__name__)

Adopt = Callable[[SessionRow], Awaitable[object]]


class Sweep:
    """Looks at what is there, again and again; a look costs one question to the backend and a few to the store."""

    def __init__(self, services: Services, adopt: Adopt) -> None:
        self._services = services
        self._store = services.store
        self._adopt = adopt
        self._dead: set[str] = set()
        """Sandboxes of this server that were over at the last look."""

    async def look(self) -> None:
        """Remove what nobody owns, and adopt the sessions that are over without knowing it."""
        for clear in (self._clear_files, self._clear_sandboxes, self._clear_places, self._adopt_sessions):
            try:
                await clear()
            except (MLGymError, OSError) as error:
                log.warning("sweep_failed", reason=str(error))

    async def _clear_files(self) -> None:
        self._store.remove_remains()

    async def _clear_sandboxes(self) -> None:
        backend, egress = self._services.backend, self._services.egress
        found, dead = await backend.ids(), set()
        for sandbox in {*found, *await egress.ids()}:
            try:
                if await self._over(sandbox):
                    dead.add(sandbox)
                if self._orphan(sandbox) or sandbox in dead & self._dead:
                    log.info("orphan_removed", sandbox=sandbox)
                    await backend.remove(sandbox)
                    await egress.dismiss(sandbox)
                    self._store.audit.write("orphan_removed", sandbox=sandbox)
            except MLGymError as error:
                log.warning("orphan_not_removed", sandbox=sandbox, error=str(error))
        self._dead = dead

    async def _clear_places(self) -> None:
        """Give back what sessions that are over have left reserved on a cluster."""
        if (places := self._services.places) is None:
            return
        left = set(await places.left())
        # Looked at afterwards: whoever has taken one meanwhile has its row.
        rows = self._store.sessions.live() + self._store.sessions.unscored()
        for place in left - {place_name(row.id) for row in rows}:
            log.info("place_given_back", place=place)
            await places.give(place)

    async def _adopt_sessions(self) -> None:
        for row in self._store.sessions.live() + self._store.sessions.unscored():
            try:
                if self._ownerless(row) and await self._left_undone(row):
                    await self._adopt(row)
            except MLGymError as error:
                log.warning("session_not_adopted", session=row.id, error=str(error))

    def _orphan(self, sandbox: str) -> bool:
        row = self._store.sessions.by_sandbox(sandbox)
        if row is None:
            return self._store.abandoned(sandbox)
        return row.state not in LIVE and self._store.instance.free(row.owner)

    async def _over(self, sandbox: str) -> bool:
        """Whether it is one of this server's that nobody needs any more; its removal goes on, or has failed."""
        row, instance = self._store.sessions.by_sandbox(sandbox), self._store.instance
        if row is None:
            return instance.made_by(sandbox) == instance.id and not await self._services.backend.alive(sandbox)
        return row.owner == instance.id and row.state not in LIVE

    def _ownerless(self, row: SessionRow) -> bool:
        return row.backend == self._services.backend.name and self._store.instance.free(row.owner)

    async def _left_undone(self, row: SessionRow) -> bool:
        """Whether the session is over without knowing it, or has a submission that nobody scores."""
        if row.state not in LIVE:
            return self._store.scores.held(row.id, "submit", row.submission or "") is None
        if row.lease_until <= self._services.clock.now():
            return True
        return row.state == "open" and not await self._services.backend.alive(row.sandbox)
