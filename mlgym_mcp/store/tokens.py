"""Tokens: what callers over HTTP show to be let in. Their hashes are kept, not they."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgym_mcp.store.database import Database
from mlgym_mcp.store.folder import DATABASE, made

PREFIX = "mlgym_"
"""Begins each token, so that whoever scans for secrets finds it; 43 characters follow (`log.py` knows them, too)."""
USED_STEP = 3600.0
"""Seconds to which it is kept when a token was last used: a write with each request would cost more than the look."""
AFTERWARDS = 600.0
"""Seconds for which a session's token still opens it once it is over, so that its agent hears its score."""

FIND = """
SELECT tokens.*, sessions.closed_at AS session_closed_at FROM tokens LEFT JOIN sessions ON sessions.id = tokens.session
"""
USELESS = """
session IS NOT NULL AND (
    expires_at <= :since OR revoked_at <= :since OR session IN (SELECT id FROM sessions WHERE closed_at <= :since)
)
"""
INSERT = """
INSERT INTO tokens (id, hash, name, principal, scopes, session, created_at, expires_at)
VALUES (:id, :hash, :name, :principal, :scopes, :session, :created_at, :expires_at)
"""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What is kept of a token. Stamps in seconds since the epoch."""

    id: str
    """By which it is known; no secret."""
    hash: str
    name: str
    principal: str
    scopes: str
    """With spaces between."""
    session: str | None
    """The handle of the one session that it opens; None: whatever its principal may use. Secret."""
    created_at: float
    expires_at: float | None
    revoked_at: float | None = None
    used_at: float | None = None
    """To the hour."""
    session_closed_at: float | None = None

    def refusal(self, now: float) -> str | None:
        """Why it lets nobody in any more; None if it does."""
        if self.revoked_at is not None:
            return "was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "has expired"
        if self.session_closed_at is not None and self.session_closed_at + AFTERWARDS <= now:
            return "was for a session that is over"
        return None

    def __repr__(self) -> str:
        return f"TokenRow(id={self.id!r}, principal={self.principal!r})"


class Tokens:
    """The table of tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Tokens"]:
        """The tokens of a data folder, without becoming one of its servers.

        Raises:
            SetupError: the folder can't be used.
        """
        with Database.open(made(folder) / DATABASE) as database:
            yield cls(database)

    def add(  # noqa: PLR0913 - one parameter a column
        self,
        principal: str,
        scopes: Sequence[str],
        *,
        name: str = "",
        session: str | None = None,
        now: float,
        expires_at: float | None = None,
    ) -> tuple[str, TokenRow]:
        """Make a token: what its holder is to show, told here and never again, and what is kept of it."""
        secret = PREFIX + secrets.token_urlsafe(32)
        row = TokenRow(secrets.token_hex(4), _hash(secret), name, principal, " ".join(scopes), session, now, expires_at)
        self._database.insert(INSERT, {column: getattr(row, column) for column in TokenRow.__slots__})
        return secret, row

    def find(self, secret: str) -> TokenRow | None:
        """What is kept of a token that somebody shows; None if it was never made."""
        found = self._database.row(f"{FIND} WHERE hash = :hash", {"hash": _hash(secret)})
        return None if found is None else _row(found)

    def used(self, row: TokenRow, now: float) -> None:
        """Keep when it was last used."""
        if row.used_at is None or row.used_at + USED_STEP <= now:
            self._database.change("UPDATE tokens SET used_at = :now WHERE id = :id", {"id": row.id, "now": now})

    def revoke(self, token_id: str, now: float) -> None:
        """Let nobody in with it any more, from the next request on, whichever server gets that."""
        statement = "UPDATE tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"
        self._database.change(statement, {"id": token_id, "now": now})

    def list(self) -> list[TokenRow]:
        """Those that the operator has made, oldest first."""
        found = self._database.rows(f"{FIND} WHERE tokens.session IS NULL ORDER BY tokens.created_at, tokens.rowid")
        return [_row(one) for one in found]

    def useless(self, since: float) -> int:
        """How many tokens of sessions have let nobody in since then, in seconds since the epoch."""
        return len(self._database.rows(f"SELECT id FROM tokens WHERE {USELESS}", {"since": since}))

    def remove_useless(self, since: float) -> int:
        """Remove those; how many they were."""
        return self._database.change(f"DELETE FROM tokens WHERE {USELESS}", {"since": since})

    def usable(self, now: float) -> bool:
        """Whether any of them lets somebody in."""
        return any(row.refusal(now) is None for row in self.list())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _row(found: Any) -> TokenRow:
    return TokenRow(**dict(found))
