"""Run tokens: each opens one session, for whoever works in it and should hold nothing else."""

from dataclasses import dataclass

from mlgym_mcp.sessions.ledger import Ledger
from mlgym_mcp.sessions.principal import ANONYMOUS, LOCAL, TO_WORK
from mlgym_mcp.store import Store

LONGEST = 7 * 24 * 3600.0
"""Seconds that one lasts at most, should its session last longer."""


@dataclass(frozen=True, slots=True)
class RunToken:
    """One that was made just now. `expires_at` in seconds since the epoch."""

    secret: str
    """What its holder is to show."""
    expires_at: float

    def __repr__(self) -> str:
        return f"RunToken(expires_at={self.expires_at!r})"


def make(store: Store, ledger: Ledger, lifetime: float) -> RunToken:
    """Make a token for a session, that lasts so many seconds."""
    row = ledger.row
    # Nobody has to be the owner of the data folder to use its session, and no token makes anybody that.
    principal = ANONYMOUS if row.principal == LOCAL else row.principal
    expires_at = ledger.now + lifetime
    secret, token = store.tokens.add(principal, TO_WORK, session=row.id, now=ledger.now, expires_at=expires_at)
    store.audit.write("run_token_made", session=row.id, made=token.id)
    return RunToken(secret, expires_at)
