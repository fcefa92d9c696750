"""Checkpoints: what a session was like at one time, to begin from again."""

from dataclasses import dataclass

from mlgym_mcp.sandbox.guest import Carried
from mlgym_mcp.store.artefacts import StoredArtefact
from mlgym_mcp.store.database import Database

INSERT = """
INSERT INTO checkpoints (session, name, archive, size, cwd, exports, budget, at)
SELECT :session, 'c' || (1 + count(*)), :archive, :size, :cwd, :exports, :budget, :at
FROM checkpoints WHERE session = :session
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One checkpoint. `at` in seconds since the epoch, `size` in bytes."""

    id: int
    session: str
    name: str
    """`c1`, `c2`, … within its session."""
    archive: str
    """Hash of the workspace's archive."""
    size: int
    cwd: str
    exports: bytes
    budget: str
    """JSON: what had been spent by then."""
    at: float


class Checkpoints:
    """The table of checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: str, archive: StoredArtefact, carried: Carried, *, budget: str, at: float) -> Checkpoint:
        """Add the session's next checkpoint."""
        values = {"session": session, "archive": archive.sha256, "size": archive.size, "budget": budget, "at": at}
        shell = {"cwd": carried.cwd, "exports": carried.exports}
        return self.get(self._database.insert(INSERT, values | shell))

    def get(self, checkpoint_id: int) -> Checkpoint:
        """The checkpoint with this id, which there is."""
        (found,) = self._database.rows("SELECT * FROM checkpoints WHERE id = :id", {"id": checkpoint_id})
        return Checkpoint(**dict(found))

    def of(self, session: str) -> list[Checkpoint]:
        """The checkpoints of a session, oldest first."""
        query = "SELECT * FROM checkpoints WHERE session = :session ORDER BY id"
        return [Checkpoint(**dict(found)) for found in self._database.rows(query, {"session": session})]
