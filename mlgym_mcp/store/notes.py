"""Notes: what agents write down for their later sessions on a task, found again by its words."""

import re
from dataclasses import dataclass
from typing import Any

from mlgym_mcp.store.database import Database

MOST = 500
"""Notes kept of one agent on one task; further ones displace the oldest."""
WORD = re.compile(r"\w+")
MOST_WORDS = 50
"""Of a query."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose notes: an agent's, on one task. No other is ever shown them."""

    principal: str
    agent: str
    task: str


@dataclass(frozen=True, slots=True)
class Note:
    """One note. `at` in seconds since the epoch."""

    text: str
    tags: tuple[str, ...]
    at: float


INSERT = """
INSERT INTO notes (principal, agent, task, session, at, text, tags)
VALUES (:principal, :agent, :task, :session, :at, :text, :tags)
"""

OWNED = "notes.principal = :principal AND notes.agent = :agent AND notes.task = :task"

SURPLUS = f"SELECT id, text, tags FROM notes WHERE {OWNED} ORDER BY id DESC LIMIT -1 OFFSET :most"

INDEX = "INSERT INTO note_words (rowid, text, tags) VALUES (:id, :text, :tags)"
UNINDEX = "INSERT INTO note_words (note_words, rowid, text, tags) VALUES ('delete', :id, :text, :tags)"

FOUND = f"""
SELECT notes.text, notes.tags, notes.at FROM note_words JOIN notes ON notes.id = note_words.rowid
WHERE note_words MATCH :words AND {OWNED} ORDER BY bm25(note_words), notes.id DESC LIMIT :limit
"""

LATEST = f"SELECT text, tags, at FROM notes WHERE {OWNED} ORDER BY id DESC LIMIT :limit"


class Notes:
    """The table of notes, and the index of their words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: Owner, text: str, tags: tuple[str, ...], *, session: str, at: float) -> int:
        """Keep a note; how many its owner has now. `at` in seconds since the epoch."""
        note = {"text": text, "tags": " ".join(tags)}
        with self._database.write():
            number = self._database.insert(INSERT, {**_values(owner), **note, "session": session, "at": at})
            self._database.insert(INDEX, {**note, "id": number})
            for surplus in self._database.rows(SURPLUS, {**_values(owner), "most": MOST}):
                self._database.insert(UNINDEX, dict(surplus))
                self._database.change("DELETE FROM notes WHERE id = :id", {"id": surplus["id"]})
            return self.count(owner)

    def count(self, owner: Owner) -> int:
        """How many notes somebody has."""
        (found,) = self._database.rows(f"SELECT COUNT(*) FROM notes WHERE {OWNED}", _values(owner))
        return int(found[0])

    def search(self, owner: Owner, query: str, limit: int) -> list[Note]:
        """The notes that fit a query best, by any of its words; the latest ones for a query without words."""
        words = " OR ".join(f'"{word}"' for word in WORD.findall(query)[:MOST_WORDS])
        values = {**_values(owner), "limit": limit}
        found = self._database.rows(FOUND, {**values, "words": words}) if words else self._database.rows(LATEST, values)
        return [Note(row["text"], tuple(row["tags"].split()), row["at"]) for row in found]


def _values(owner: Owner) -> dict[str, Any]:
    return {"principal": owner.principal, "agent": owner.agent, "task": owner.task}
