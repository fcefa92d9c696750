"""Scores: every outcome of scoring a submission, infrastructure faults included."""

from dataclasses import dataclass
from typing import Any

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.store.database import Database


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score and what it scored. `at` in seconds since the epoch."""

    session: str
    task: str
    phase: str
    artefact: str
    at: float
    score: Score


LATEST = """
SELECT submissions.session, sessions.task, submissions.phase, submissions.artefact, scores.at, scores.score
FROM scores JOIN submissions ON scores.submission = submissions.id JOIN sessions ON submissions.session = sessions.id
"""


class Scores:
    """The table of scores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, submission: int, score: Score, *, at: float) -> None:
        """Record a score; on return it is on the disk."""
        values = {"submission": submission, "at": at, "outcome": score.outcome, "score": score.model_dump_json()}
        with self._database.write(durable=True):
            self._database.insert(
                "INSERT INTO scores (submission, at, outcome, score) VALUES (:submission, :at, :outcome, :score)",
                values,
            )

    def of_session(self, session: str, phase: str | None = None) -> list[ScoreRow]:
        """The scores of a session, in order, of one phase or of both."""
        query = LATEST + "WHERE session = :session AND (:phase IS NULL OR phase = :phase) ORDER BY scores.id"
        return [_row(found) for found in self._database.rows(query, {"session": session, "phase": phase})]

    def of_task(self, task: str, phase: str = "submit") -> list[ScoreRow]:
        """The scores of a task's sessions, oldest first."""
        query = LATEST + "WHERE sessions.task = :task AND phase = :phase ORDER BY scores.id"
        return [_row(found) for found in self._database.rows(query, {"task": task, "phase": phase})]

    def faults(self, session: str, phase: str, artefact: str) -> list[Score]:
        """The times this artefact could not be scored through no fault of its own."""
        scores = [row.score for row in self.of_session(session, phase) if row.artefact == artefact]
        return [score for score in scores if score.outcome == "infrastructure_fault"]


def _row(found: Any) -> ScoreRow:
    values = dict(found)
    return ScoreRow(**{**values, "score": Score.model_validate_json(values["score"])})
