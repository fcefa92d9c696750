"""The sweep: what servers that are gone have left behind.

A sandbox is removed when it has no live lease and no live owner. A session whose sandbox is dead, or whose lease is
over, is taken over and ended; the others wait until somebody uses their handle.
"""

from collections.abc import Awaitable, Callable

import structlog

from mlgym_mcp.errors import MLGymError
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
            await services.backend.remove(sandbox)
    for row in services.store.sessions.live():
        if (
            row.backend == services.backend.name
            and services.store.instance.free(row.owner)
            and await _over(services, row)
        ):
            try:
                await adopt(row)
            except MLGymError as error:
                log.warning("session_not_adopted", session=row.id, error=str(error))


def _orphan(services: Services, sandbox: str) -> bool:
    store = services.store
    row = store.sessions.by_sandbox(sandbox)
    if row is None:
        return store.abandoned(sandbox)
    return row.state not in LIVE and store.instance.free(row.owner)


async def _over(services: Services, row: SessionRow) -> bool:
    if row.lease_until <= services.clock.now():
        return True
    return row.state == "open" and not await services.backend.alive(row.sandbox)
