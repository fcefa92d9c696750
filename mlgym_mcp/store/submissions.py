"""Submissions: which artefact a session gave to be scored, when and for what."""

from dataclasses import dataclass
from typing import Any

from mlgym_mcp.store.database import Database


@dataclass(frozen=True, slots=True)
class Submission:
    """One artefact given once. `at` in seconds since the epoch, size in bytes."""

    id: int
    session: str
    phase: str
    artefact: str
    size: int
    at: float


class Submissions:
    """The table of submissions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: str, phase: str, artefact: str, *, size: int, at: float) -> Submission:
        """Record a submission; on return it is on the disk."""
        values = {"session": session, "phase": phase, "artefact": artefact, "size": size, "at": at}
        with self._database.write(durable=True):
            number = self._database.insert(
                "INSERT INTO submissions (session, phase, artefact, size, at) "
                "VALUES (:session, :phase, :artefact, :size, :at)",
                values,
            )
        return Submission(number, session, phase, artefact, size, at)

    def of_artefact(self, prefix: str) -> list[Submission]:
        """The submissions of artefacts whose hash begins so, in order."""
        query = "SELECT * FROM submissions WHERE substr(artefact, 1, length(:prefix)) = :prefix ORDER BY id"
        return [_submission(found) for found in self._database.rows(query, {"prefix": prefix})]

    def list(self, session: str) -> list[Submission]:
        """All submissions of a session, in order."""
        query = "SELECT * FROM submissions WHERE session = :session ORDER BY id"
        return [_submission(found) for found in self._database.rows(query, {"session": session})]


def _submission(found: Any) -> Submission:
    return Submission(**dict(found))
