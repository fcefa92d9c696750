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


@dataclass(frozen=True, slots=True)
class Standing:
    """What one session scored with its submission, and how it ended. `at` in seconds since the epoch."""

    session: str
    artefact: str
    at: float
    exit_status: str | None
    score: Score


HELD_AFTER = 2
"""Infrastructure faults on one artefact, in a row, after which it is held for the operator."""

LATEST = """
SELECT submissions.session, sessions.task, submissions.phase, submissions.artefact, scores.at, scores.score
FROM scores JOIN submissions ON scores.submission = submissions.id JOIN sessions ON submissions.session = sessions.id
"""

FAULT = "infrastructure_fault"

OUTCOMES = """
SELECT submissions.phase, submissions.artefact, scores.outcome
FROM scores JOIN submissions ON scores.submission = submissions.id WHERE session = :session ORDER BY scores.id
"""

STANDINGS = """
SELECT submissions.session, submissions.artefact, scores.at, sessions.exit_status, scores.score
FROM scores JOIN submissions ON scores.submission = submissions.id JOIN sessions ON submissions.session = sessions.id
WHERE sessions.task = :task AND phase = 'submit' AND outcome = 'scored' AND submissions.artefact = sessions.submission
ORDER BY scores.at, scores.id
"""

STAMP = """
SELECT (SELECT count(*) FROM scores), (SELECT max(id) FROM scores), count(*), count(exit_status), max(closed_at)
FROM sessions WHERE task = :task
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

    def standings(self, task: str) -> list[Standing]:
        """What the sessions of a task scored with their submission, oldest first."""
        return [
            Standing(**{**dict(found), "score": Score.model_validate_json(found["score"])})
            for found in self._database.rows(STANDINGS, {"task": task})
        ]

    def stamp(self, task: str) -> tuple[object, ...]:
        """What changes whenever a task's standings do."""
        return tuple(self._database.rows(STAMP, {"task": task})[0])

    def settled(self, session: str, phase: str, artefact: str) -> Score | None:
        """The last verdict on an artefact: a score, or its own fault; None while there is none."""
        verdicts = [score for score in self._of_artefact(session, phase, artefact) if _is_verdict(score)]
        return verdicts[-1] if verdicts else None

    def held(self, session: str, phase: str, artefact: str) -> Score | None:
        """The last fault of an artefact that has failed too often, through no fault of its own, to be tried again."""
        last = self._of_artefact(session, phase, artefact)[-HELD_AFTER:]
        return None if len(last) < HELD_AFTER or any(map(_is_verdict, last)) else last[-1]

    def held_of(self, session: str) -> set[str]:
        """The artefacts of a session that are held, in whichever phase."""
        outcomes: dict[tuple[str, str], list[str]] = {}
        for found in self._database.rows(OUTCOMES, {"session": session}):
            outcomes.setdefault((found["phase"], found["artefact"]), []).append(found["outcome"])
        held = [FAULT] * HELD_AFTER
        return {artefact for (_, artefact), of_it in outcomes.items() if of_it[-HELD_AFTER:] == held}

    def _of_artefact(self, session: str, phase: str, artefact: str) -> list[Score]:
        return [row.score for row in self.of_session(session, phase) if row.artefact == artefact]


def _is_verdict(score: Score) -> bool:
    return score.outcome != FAULT


def _row(found: Any) -> ScoreRow:
    values = dict(found)
    return ScoreRow(**{**values, "score": Score.model_validate_json(values["score"])})
