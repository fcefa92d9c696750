"""Acceptance: a call is charged and goes on; what it cost in the end depends on how it ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlgym_mcp.errors import CallerError, CommandRefused, SandboxGone, SessionClosed
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.ledger import Entry
from mlgym_mcp.sessions.lodging import Lodging


@asynccontextmanager
async def accepted(
    lodging: Lodging, kind: str, request: object, call: Call, *, charge: bool = True
) -> AsyncIterator[Entry]:
    """Charge a call one step and let the block do it.

    What was refused without effect, or failed through no fault of the caller, is given back; our own bugs are too.
    What a sandbox that fell silent may have done is not.

    Raises:
        BudgetSpent: the call costs more than is left.
    """
    ledger = lodging.ledger
    entry = ledger.accept(kind, request, call, charge=charge)
    with ledger.in_flight(entry):
        try:
            async with lodging.attended():
                yield entry
        except Exception as error:
            ledger.fail(entry, error, refund=_free(error))
            raise


def _free(error: Exception) -> bool:
    if isinstance(error, SandboxGone):
        return False  # it may have been done, and an agent can see to it that its guest doesn't answer
    return not isinstance(error, CallerError) or isinstance(error, CommandRefused | SessionClosed)
