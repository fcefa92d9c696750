"""A visit: one look at one page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import QueryParams

from mlgym_mcp.errors import TaskSpecError, UnknownTask
from mlgym_mcp.store import Records, SessionRow
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.viewer import naming
from mlgym_mcp.viewer.page import NotHere
from mlgym_mcp.viewer.text import hidden
from mlgym_mcp.viewer.visitor import Visitor

LONGEST_SOUGHT = 200
"""Characters."""
NO_SESSION = "There is no session of this name that you may see; the list of sessions has those that you may."


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page has to go by. `now` in seconds since the epoch."""

    visitor: Visitor
    records: Records
    catalog: Catalog
    path: Mapping[str, str]
    """The parameters of its address."""
    query: QueryParams
    now: float
    folder: Path
    """The data folder."""

    def sees(self, row: SessionRow) -> bool:
        """Whether the visitor may see a session."""
        return self.visitor.sees(row)

    def session(self, name: str) -> SessionRow:
        """The session that an address names.

        Raises:
            NotHere: there is none, or it is not the visitor's to see.
        """
        row = naming.find(self.records, name)
        if row is None or not self.sees(row):
            raise NotHere(NO_SESSION)
        return row

    def task(self, task_id: str) -> TaskSpec | None:
        """A task, if the catalogue still has it."""
        try:
            return self.catalog.get(task_id)
        except (UnknownTask, TaskSpecError):
            return None

    def number(self, name: str, default: int = 1) -> int:
        """A whole number above 0 of the query; the default where it is none."""
        value = self.query.get(name, "")
        return int(value) if value.isascii() and value.isdecimal() and 0 < len(value) < 10 and int(value) else default

    def sought(self, name: str) -> str:
        """A text of the query that something is looked for by; only so much of it, for a look takes time for each."""
        return self.query.get(name, "").strip()[:LONGEST_SOUGHT]

    def hidden(self, row: SessionRow, text: str) -> str:
        """A text of a session without what would let anybody use it."""
        return hidden(text, row.id, row.token)
