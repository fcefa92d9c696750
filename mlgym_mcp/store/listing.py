"""The listing of sessions, for people who look for some of many."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from mlgym_mcp.store.database import Database
from mlgym_mcp.store.pattern import having
from mlgym_mcp.store.sessions import SessionRow

RUNNING = "running"
"""Stands for all states of a session that is not over."""

SHORTENED = "CASE WHEN length(agent) > 24 THEN substr(agent, 1, 12) || '…' ELSE agent END"
"""An agent's name as it may be told: who knows all of a long one, which nobody guesses, may read the agent's notes."""
WANTED = f"""
FROM sessions WHERE (:principal IS NULL OR principal = :principal) AND (:session IS NULL OR id = :session)
AND (:task = '' OR task = :task) AND (:agent = '' OR {SHORTENED} = :agent OR principal = :agent)
AND (:state = '' OR state = :state OR (:state = 'running' AND state IN ('waiting', 'open')))
AND (:like = '' OR task LIKE :like ESCAPE '!' OR principal LIKE :like ESCAPE '!' OR {SHORTENED} LIKE :like ESCAPE '!'
    OR sandbox LIKE :like ESCAPE '!' OR backend LIKE :like ESCAPE '!' OR reason LIKE :like ESCAPE '!'
    OR exit_status LIKE :like ESCAPE '!')
"""
OWN = "FROM sessions WHERE (:principal IS NULL OR principal = :principal) AND (:session IS NULL OR id = :session)"
RESULTS = """
SELECT submissions.session, submissions.phase, json_extract(scores.score, '$.scores') AS scores,
    json_extract(scores.score, '$.reward') AS reward
FROM submissions JOIN scores ON scores.submission = submissions.id
WHERE submissions.session IN (SELECT value FROM json_each(:sessions)) AND scores.outcome = 'scored'
ORDER BY scores.id
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions are looked for; what is empty doesn't matter."""

    principal: str | None = None
    session: str | None = None
    """The handle of the only one that there is for whoever looks."""
    task: str = ""
    state: str = ""
    agent: str = ""
    """The agent's name, or its principal's."""
    text: str = ""
    """That stands in any of what is told of a session."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an artefact of a session scored."""

    session: str
    phase: str
    scores: Mapping[str, float]
    reward: float | None


class Listing:
    """The sessions of a data folder, as a list."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: Wanted, *, skip: int, most: int) -> list[SessionRow]:
        """Some of those that are wanted: running ones first, newest first."""
        order = "ORDER BY state IN ('waiting', 'open') DESC, created_at DESC, rowid DESC LIMIT :most OFFSET :skip"
        values = {**_values(wanted), "skip": skip, "most": most}
        return [SessionRow(**dict(found)) for found in self._database.rows(f"SELECT * {WANTED} {order}", values)]

    def count(self, wanted: Wanted) -> int:
        """How many are wanted."""
        (found,) = self._database.rows(f"SELECT count(*) {WANTED}", _values(wanted))
        return int(found[0])

    def tasks(self, wanted: Wanted) -> list[str]:
        """The tasks of all those that whoever looks may see."""
        return self._choices("task", wanted)

    def agents(self, wanted: Wanted) -> list[str]:
        """The agents, or else the principals, of the same."""
        return self._choices(f"coalesce({SHORTENED}, principal)", wanted)

    def results(self, sessions: Iterable[str]) -> list[Result]:
        """All that was scored of these sessions, by their handles, in order."""
        found = self._database.rows(RESULTS, {"sessions": json.dumps(list(sessions))})
        return [Result(row["session"], row["phase"], json.loads(row["scores"]), row["reward"]) for row in found]

    def _choices(self, column: str, wanted: Wanted) -> list[str]:
        query = f"SELECT DISTINCT {column} AS choice {OWN} ORDER BY choice LIMIT 200"
        found = self._database.rows(query, {"principal": wanted.principal, "session": wanted.session})
        return [row["choice"] for row in found]


def _values(wanted: Wanted) -> dict[str, str | None]:
    return {**asdict(wanted), "like": having(wanted.text)}
