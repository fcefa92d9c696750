"""The keeper: looks at a session now and then, renews its sandbox, and ends it when its time is over or it should."""

import structlog
from structlog.contextvars import unbind_contextvars

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.log import OF_A_CALL
from mlgym_mcp.sessions.call import PATIENT
from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.lodging import Lodging
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.verdicts import Verdicts
from mlgym_mcp.store import SERVER, acting

SHORTEST_PAUSE = 1.0
"""Seconds between two looks when the wall time is all but over and stands still: the server itself is waited for."""
OVERTIME = 5.0
"""Seconds beyond the wall time in which the guest, who ends commands with it, may tell what they printed."""

log = structlog.get_logger(__name__)


async def keep(shared: Shared, ledger: Ledger, lodging: Lodging, verdicts: Verdicts) -> None:
    """Run while the session waits or is open."""
    unbind_contextvars(*OF_A_CALL)  # it looks for as long as the session lives, not for the call that began it
    with acting(SERVER):
        while ledger.live:
            left = ledger.left().wall_time
            await shared.services.clock.sleep(min(shared.limits.tick_s, max(left, SHORTEST_PAUSE)))
            try:
                if _should_end(shared, ledger):
                    lodging.forfeit(PATIENT)
                else:
                    await _look(ledger, lodging, verdicts)
            except MLGymError as error:
                log.warning("session_not_kept", session=ledger.row.id, error=str(error))


def _should_end(shared: Shared, ledger: Ledger) -> bool:
    """Whether the operator wants it over, from another process; a submission that is being scored is waited for."""
    row = ledger.row
    return ledger.live and row.submission is None and shared.services.store.wishes.of(row.id) == "end"


async def _look(ledger: Ledger, lodging: Lodging, verdicts: Verdicts) -> None:
    if ledger.state == "waiting" and ledger.now >= ledger.row.lease_until:
        verdicts.cut_off("idle")
    being_scored = ledger.row.submission is not None and ledger.charged_now
    if lodging.current() is None or being_scored:
        return
    if ledger.spent == "wall_time":
        if not ledger.calls_now or ledger.budget.overtime(ledger.now) >= OVERTIME:
            verdicts.cut_off("wall_time")
    elif ledger.now >= ledger.row.lease_until and not ledger.charged_now:
        if await lodging.count_jobs():
            ledger.use()
        elif ledger.state == "open":
            verdicts.cut_off("idle")
    else:
        await lodging.renew()
        await lodging.count_jobs()
