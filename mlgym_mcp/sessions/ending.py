"""Ending a session from outside: by its server if that lives, else by taking the session over."""

import time

import anyio

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sessions.call import MAX_WAIT, Call
from mlgym_mcp.sessions.manager import SessionManager
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import SessionRow, Store

POLL = 0.2
"""Seconds between two looks at what another process may have written."""


def named(store: Store, name: str) -> SessionRow:
    """The session that a person means: by its handle, or by the beginning of its sandbox's name.

    Raises:
        SetupError: there is none, or more than one; lists them.
    """
    found = store.sessions.named(name) if name else []
    if not found and (pruned := store.pruned.told(name)):
        raise SetupError(f"the session {name} {pruned}; what was exported of it before is all there is.")
    if not found:
        raise SetupError("no session has such a handle or sandbox; see: mlgym-mcp sessions list")
    if len(found) > 1:
        listed = ", ".join(row.sandbox for row in found)
        raise SetupError(f"more than one session is meant by {name!r}: {listed}")
    return found[0]


def is_over(row: SessionRow) -> bool:
    """Whether a session takes no more work."""
    return row.state not in LIVE


async def ask_to_end(store: Store, row: SessionRow, *, within: float) -> SessionRow:
    """Have the server that owns a session end it; how it stands once it is over, its server gone, or time is up.

    The wish lasts: whoever serves the session next obeys it, too.

    Args:
        store: where the wish is left.
        row: the session.
        within: seconds to wait.
    """
    store.wishes.add(row.id, "end", at=time.time())
    with anyio.move_on_after(within):
        while not (is_over(row) or store.instance.free(row.owner)):  # noqa: ASYNC110 -- another process sets no event
            await anyio.sleep(POLL)
            row = store.sessions.get(row.id) or row
    return row


async def take_over_and_end(manager: SessionManager, row: SessionRow) -> None:
    """End a session whose server is gone, as its user would. What it submitted already is scored first.

    Raises:
        CallerError: another server has taken it over meanwhile.
    """
    session = await manager.get(row.id)
    outcome = "pending" if row.submission is not None else None
    while outcome in ("pending", "infrastructure_fault") and session.state in LIVE:
        outcome = (await session.submit(call=Call(wait_s=MAX_WAIT))).outcome
    await session.end()
