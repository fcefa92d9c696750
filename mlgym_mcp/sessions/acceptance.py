"""Acceptance: a call is charged and goes on; what it cost in the end depends on how it ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlgym_mcp.errors import CallerError, CommandRefused, MLGymError, SessionClosed
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.ledger import Entry
from mlgym_mcp.sessions.lodging import Lodging


@asynccontextmanager
async def accepted(
    lodging: Lodging, kind: str, request: object, call: Call, *, charge: bool = True
) -> AsyncIterator[Entry]:
    """Charge a call one step and let the block do it.

    What was refused without effect, or failed through no fault of the caller, is given back.

    Raises:
        BudgetSpent: the call costs more than is left.
    """
    ledger = lodging.ledger
    entry = ledger.accept(kind, request, call, charge=charge)
    with ledger.in_flight(entry):
        try:
            async with lodging.attended():
                yield entry
        except MLGymError as error:
            ledger.fail(entry, error, refund=_free(error))
            raise


def _free(error: MLGymError) -> bool:
    return not isinstance(error, CallerError) or isinstance(error, CommandRefused | SessionClosed)
