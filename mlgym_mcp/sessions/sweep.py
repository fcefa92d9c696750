"""The sweep: what servers that are gone have left behind.

A sandbox is removed when it has no live lease and no live owner. A session whose sandbox is dead, or whose lease is
over, is taken over and ended, and one that was cut off is scored; the others wait until somebody uses their handle.
"""

from collections.abc import Awaitable, Callable

import structlog

from mlgym_mcp.errors import MLGymError, SandboxError
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import SessionRow

log = structlog.get_logger(__name__)

Adopt = Callable[[SessionRow], Awaitable[object]]


async def sweep(services: Services, adopt: Adopt) -> None:
    """Remove sandboxes without an owner, and adopt the sessions that are over without knowing it."""
    for sandbox in await services.backend.ids():
        if _orphan(services, sandbox):
            log.info("orphan_removed", sandbox=sandbox)
            try:
                await services.backend.remove(sandbox)
                await services.egress.dismiss(sandbox)
                services.store.audit.write("orphan_removed", sandbox=sandbox)
            except SandboxError as error:
                log.warning("orphan_not_removed", sandbox=sandbox, error=str(error))
    for row in services.store.sessions.live() + services.store.sessions.unscored():
        try:
            if _ours(services, row) and await _left_undone(services, row):
                await adopt(row)
        except MLGymError as error:
            log.warning("session_not_adopted", session=row.id, error=str(error))


def _orphan(services: Services, sandbox: str) -> bool:
    store = services.store
    row = store.sessions.by_sandbox(sandbox)
    if row is None:
        return store.abandoned(sandbox)
    return row.state not in LIVE and store.instance.free(row.owner)


def _ours(services: Services, row: SessionRow) -> bool:
    return row.backend == services.backend.name and services.store.instance.free(row.owner)


async def _left_undone(services: Services, row: SessionRow) -> bool:
    """Whether the session is over without knowing it, or has a submission that nobody scores."""
    if row.state not in LIVE:
        return services.store.scores.held(row.id, "submit", row.submission or "") is None
    if row.lease_until <= services.clock.now():
        return True
    return row.state == "open" and not await services.backend.alive(row.sandbox)
