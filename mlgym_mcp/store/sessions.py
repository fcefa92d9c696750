"""Sessions: one row each, written by the instance that owns it and by no other."""

from dataclasses import dataclass, fields
from typing import Any

from mlgym_mcp.errors import StoreError
from mlgym_mcp.store.database import Database


@dataclass(frozen=True, slots=True)
class SessionRow:
    """What lasts of a session. Stamps in seconds since the epoch."""

    id: str
    principal: str
    key: str | None
    """Idempotency key of its `start`, unique to the principal."""
    task: str
    protocol: str
    flavour: str
    gpus: int
    state: str
    reason: str | None
    exit_status: str | None
    created_at: float
    closed_at: float | None
    backend: str
    sandbox: str
    token: str
    """What a peer must show the sandbox's guest. Secret, as is `id`: neither is in the repr."""
    lease_until: float
    owner: str | None
    """The instance that serves it."""
    budget: str
    """JSON."""
    validated: str | None
    """Hash of the last artefact that validated."""
    submission: str | None
    """Hash of the artefact submitted, from the moment it is taken."""
    origin: int | None = None
    """The checkpoint that it began from, or went back to last."""
    agent: str | None = None
    """Whose notes it reads and writes, among its principal's agents; None: nobody in particular."""
    aids: str = ""
    """What it has beside its sandbox, with spaces between: `memory`, `literature`."""

    def __repr__(self) -> str:
        return f"SessionRow(sandbox={self.sandbox!r}, task={self.task!r}, state={self.state!r}, owner={self.owner!r})"


COLUMNS = tuple(field.name for field in fields(SessionRow))
INSERT = f"INSERT INTO sessions ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
CLAIM = "UPDATE sessions SET owner = :new WHERE id = :id AND owner IS :old"

RELEASE = """
UPDATE sessions SET reason = NULL, exit_status = :exit_status WHERE id = :id AND state = 'submitted'
"""

UNSCORED = """
SELECT * FROM sessions WHERE state = 'cut_off' AND submission IS NOT NULL AND NOT EXISTS (
    SELECT * FROM submissions JOIN scores ON scores.submission = submissions.id
    WHERE submissions.session = sessions.id AND submissions.phase = 'submit'
    AND submissions.artefact = sessions.submission AND scores.outcome != 'infrastructure_fault'
) ORDER BY created_at
"""

LASTING = """
SELECT submissions.session FROM submissions JOIN sessions ON submissions.session = sessions.id
JOIN scores ON scores.submission = submissions.id
WHERE phase = 'submit' AND outcome = 'scored' AND submissions.artefact = sessions.submission
UNION SELECT session FROM notes
"""


class Sessions:
    """The table of sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: SessionRow) -> SessionRow:
        """Add a session; if the principal has one with the same key, that one is the answer instead."""
        with self._database.write():
            known = self.keyed(row.principal, row.key)
            if known is None:
                self._database.insert(INSERT, _values(row))
            return known or row

    def keyed(self, principal: str, key: str | None) -> SessionRow | None:
        """The session that a principal started under a key; None if there is none, or no key."""
        query = "SELECT * FROM sessions WHERE principal = :principal AND key = :key"
        found = self._database.row(query, {"principal": principal, "key": key})
        return None if found is None else _row(found)

    def save(self, row: SessionRow, *, stored: SessionRow | None = None) -> None:
        """Write a session that its owner has changed; what differs from `stored`, where that is known to be there.

        Raises:
            StoreError: another instance owns it now.
        """
        with self._database.write():
            if not self._database.change(_update(row, stored), _values(row)):
                raise StoreError(f"the session of sandbox {row.sandbox} belongs to another server now")

    def claim(self, session_id: str, *, old: str | None, new: str) -> bool:
        """Make `new` the owner if `old` still is; whether it did."""
        return bool(self._database.change(CLAIM, {"id": session_id, "old": old, "new": new}))

    def get(self, session_id: str) -> SessionRow | None:
        """The session with this id, or None."""
        return self._one("SELECT * FROM sessions WHERE id = :value", session_id)

    def named(self, name: str) -> list[SessionRow]:
        """The sessions that a person means: by their handle, or by the beginning of their sandbox's name."""
        query = "SELECT * FROM sessions WHERE id = :name OR substr(sandbox, 1, length(:name)) = :name"
        return [_row(found) for found in self._database.rows(f"{query} ORDER BY created_at", {"name": name})]

    def release(self, session_id: str, exit_status: str) -> None:
        """Write how a session ended whose submission was held and has its verdict now; not its owner need do it.

        Nobody writes a session any more that is over, and this leaves alone one that is not.
        """
        self._database.change(RELEASE, {"id": session_id, "exit_status": exit_status})

    def by_sandbox(self, sandbox: str) -> SessionRow | None:
        """The session whose sandbox this is, or None."""
        return self._one("SELECT * FROM sessions WHERE sandbox = :value", sandbox)

    def live(self) -> list[SessionRow]:
        """The sessions that wait or are open, oldest first, whoever owns them."""
        query = "SELECT * FROM sessions WHERE state IN ('waiting', 'open') ORDER BY created_at"
        return [_row(found) for found in self._database.rows(query)]

    def live_of(self, principal: str) -> int:
        """How many sessions of a principal wait or are open, whoever owns them."""
        query = "SELECT count(*) FROM sessions WHERE state IN ('waiting', 'open') AND principal = :value"
        return int(self._database.rows(query, {"value": principal})[0][0])

    def started_since(self, principal: str, since: float) -> list[float]:
        """When a principal started its sessions since then, oldest first."""
        query = (
            "SELECT created_at FROM sessions WHERE principal = :principal AND created_at > :since ORDER BY created_at"
        )
        found = self._database.rows(query, {"principal": principal, "since": since})
        return [row["created_at"] for row in found]

    def lasting(self) -> set[str]:
        """The handles of the sessions that stand on a leaderboard or have left notes."""
        return {row["session"] for row in self._database.rows(LASTING)}

    def unscored(self) -> list[SessionRow]:
        """The sessions that were cut off and whose submission has no score yet, oldest first, whoever owns them."""
        return [_row(found) for found in self._database.rows(UNSCORED)]

    def ids(self) -> "list[str]":
        """The handles of every session there ever was."""
        return [row["id"] for row in self._database.rows("SELECT id FROM sessions")]

    def all(self) -> list[SessionRow]:
        """Every session there ever was, oldest first."""
        return [_row(found) for found in self._database.rows("SELECT * FROM sessions ORDER BY created_at, rowid")]

    def list(self, *, principal: str | None = None, limit: int = 1000) -> list[SessionRow]:
        """The latest sessions, newest first, of one principal or of all."""
        query = (
            "SELECT * FROM sessions WHERE :principal IS NULL OR principal = :principal "
            "ORDER BY created_at DESC LIMIT :limit"
        )
        return [_row(found) for found in self._database.rows(query, {"principal": principal, "limit": limit})]

    def _one(self, query: str, value: str) -> SessionRow | None:
        found = self._database.row(query, {"value": value})
        return None if found is None else _row(found)


def _update(row: SessionRow, stored: SessionRow | None) -> str:
    # Writing an indexed column costs several times the rest, even when it stays as it was.
    changed = [name for name in COLUMNS if stored is None or getattr(row, name) != getattr(stored, name)]
    assigned = ", ".join(f"{name} = :{name}" for name in changed or ["owner"])
    return f"UPDATE sessions SET {assigned} WHERE id = :id AND owner = :owner"


def _values(row: SessionRow) -> dict[str, Any]:
    # Not `asdict`, which copies deeply: this is written with every call.
    return {name: getattr(row, name) for name in COLUMNS}


def _row(found: Any) -> SessionRow:
    return SessionRow(**dict(found))
