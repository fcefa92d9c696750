"""Events: what happened in a session, in order: its trajectory, and the memory of its idempotency keys.

An event is written twice: when a call is accepted, with its request, and before it is answered, with its reply. One
without a reply is a call during which the server stopped.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlgym_mcp.store.database import Database
from mlgym_mcp.store.pattern import having
from mlgym_mcp.store.sessions import SessionRow


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `at` in seconds since the epoch; request and reply are JSON."""

    id: int
    session: str
    kind: str
    key: str | None
    at: float
    request: str
    seconds: float | None
    reply: str | None
    error: str | None

    @property
    def finished(self) -> bool:
        """Whether the call was answered."""
        return self.seconds is not None


NUMBERED = """
SELECT id, number FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM events WHERE session = :session
) WHERE id IN (SELECT value FROM json_each(:ids))
"""
FOUND = """
SELECT * FROM events WHERE session = :session AND (:kind = '' OR kind = :kind) AND (
    :like = '' -- handles and tokens stay out of it, or they could be guessed letter by letter
    OR replace(replace(request, :session, ''), :token, '') LIKE :like ESCAPE '!'
    OR replace(replace(reply, :session, ''), :token, '') LIKE :like ESCAPE '!'
    OR replace(replace(error, :session, ''), :token, '') LIKE :like ESCAPE '!'
)
"""
RAN_ON = """
SELECT * FROM events WHERE session = :session AND (
    kind = 'job' OR (kind = 'bash' AND substr(reply, 1, 100) LIKE '%"running": true%')
) ORDER BY id
"""

BEGINNING = """
SELECT * FROM events WHERE id IN (
    SELECT id FROM (
        SELECT id, SUM(length(request) + coalesce(length(reply), 0)) OVER (ORDER BY id) AS total
        FROM events WHERE session = :session
    ) WHERE total <= :most
) ORDER BY id
"""

FAILURES = """
SELECT count(error) AS refused, coalesce(sum(kind = 'bash' AND json_extract(reply, '$.result.exit_code') != 0), 0)
AS failed FROM events WHERE session = :session
"""


class Events:
    """The table of events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, session: str, kind: str, request: str, *, at: float, key: str | None = None) -> int:
        """Record a call that was accepted; the id of its event.

        Raises:
            StoreError: the session has an event with this key.
        """
        return self._database.insert(
            "INSERT INTO events (session, kind, key, at, request) VALUES (:session, :kind, :key, :at, :request)",
            {"session": session, "kind": kind, "key": key, "at": at, "request": request},
        )

    def finish(self, event: int, *, seconds: float, reply: str | None = None, error: str | None = None) -> None:
        """Record how a call was answered."""
        self._database.change(
            "UPDATE events SET seconds = :seconds, reply = :reply, error = :error WHERE id = :id",
            {"id": event, "seconds": seconds, "reply": reply, "error": error},
        )

    def forget_key(self, event: int) -> None:
        """Let a key be used again: its call was refused or failed without effect."""
        self._database.change("UPDATE events SET key = NULL WHERE id = :id", {"id": event})

    def remove(self, event: int) -> None:
        """Forget an event."""
        self._database.change("DELETE FROM events WHERE id = :id", {"id": event})

    def get(self, event: int) -> Event | None:
        """The event with this id, or None."""
        found = self._database.row("SELECT * FROM events WHERE id = :id", {"id": event})
        return None if found is None else _event(found)

    def by_key(self, session: str, key: str) -> Event | None:
        """The event that carries this key, or None."""
        query = "SELECT * FROM events WHERE session = :session AND key = :key"
        found = self._database.row(query, {"session": session, "key": key})
        return None if found is None else _event(found)

    def beginning(self, session: str, most: int) -> tuple[list[Event], int]:
        """The first events of a session, as many as have `most` characters together, and how many there are in all."""
        found = self._database.rows(BEGINNING, {"session": session, "most": most})
        (count,) = self._database.rows("SELECT COUNT(*) FROM events WHERE session = :session", {"session": session})
        return [_event(row) for row in found], int(count[0])

    def sizes(self) -> dict[str, int]:
        """How many characters the events of each session have, by its handle."""
        query = "SELECT session, SUM(length(request) + coalesce(length(reply), 0)) AS size FROM events GROUP BY session"
        return {row["session"]: row["size"] for row in self._database.rows(query)}

    def count(self, session: str) -> int:
        """How many events a session has."""
        (found,) = self._database.rows("SELECT count(*) FROM events WHERE session = :session", {"session": session})
        return int(found[0])

    def after(self, session: str, number: int, most: int) -> "list[Event]":
        """The events of a session that come after its first `number`, in order, so many at most."""
        query = "SELECT * FROM events WHERE session = :session ORDER BY id LIMIT :most OFFSET :number"
        values = {"session": session, "number": number, "most": most}
        return [_event(found) for found in self._database.rows(query, values)]

    def numbers(self, session: str, events: Sequence[Event]) -> dict[int, int]:
        """Which of a session's events each of these is, from 1, by its id."""
        values = {"session": session, "ids": json.dumps([event.id for event in events])}
        return {row["id"]: row["number"] for row in self._database.rows(NUMBERED, values)}

    def kinds(self, session: str) -> dict[str, int]:
        """How many events of each kind a session has."""
        query = "SELECT kind, count(*) AS count FROM events WHERE session = :session GROUP BY kind ORDER BY kind"
        return {row["kind"]: row["count"] for row in self._database.rows(query, {"session": session})}

    def of_kinds(self, session: str, *kinds: str) -> "list[Event]":
        """The events of a session that are of one of these kinds, in order."""
        query = "SELECT * FROM events WHERE session = :session AND kind IN (SELECT value FROM json_each(:kinds))"
        values = {"session": session, "kinds": json.dumps(kinds)}
        return [_event(found) for found in self._database.rows(f"{query} ORDER BY id", values)]

    def found(self, row: SessionRow, kind: str, text: str, *, skip: int, most: int) -> "tuple[list[Event], int]":
        """Some of a session's events of one kind (or of any) in which a text stands, in order; how many there are."""
        # Within JSON a text stands as JSON writes it.
        pattern = having(json.dumps(text, ensure_ascii=False)[1:-1])
        values = {"session": row.id, "token": row.token, "kind": kind, "like": pattern}
        (count,) = self._database.rows(f"SELECT count(*) FROM ({FOUND})", values)
        page = self._database.rows(
            f"{FOUND} ORDER BY id LIMIT :most OFFSET :skip", {**values, "most": most, "skip": skip}
        )
        return [_event(found) for found in page], int(count[0])

    def ran_on(self, session: str) -> "list[Event]":
        """The calls of a session that began or followed a job, in order."""
        return [_event(found) for found in self._database.rows(RAN_ON, {"session": session})]

    def failures(self, session: str) -> tuple[int, int]:
        """How many calls were refused or failed, and how many commands ended with another status than 0."""
        (found,) = self._database.rows(FAILURES, {"session": session})
        return int(found["refused"]), int(found["failed"])

    def unanswered(self, session: str) -> "list[Event]":
        """The calls of a session that were accepted and not answered, in order."""
        query = "SELECT * FROM events WHERE session = :session AND seconds IS NULL ORDER BY id"
        return [_event(found) for found in self._database.rows(query, {"session": session})]

    def list(self, session: str) -> list[Event]:
        """All events of a session, in order."""
        query = "SELECT * FROM events WHERE session = :session ORDER BY id"
        return [_event(found) for found in self._database.rows(query, {"session": session})]


def _event(found: Any) -> Event:
    return Event(**dict(found))
