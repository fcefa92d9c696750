"""The records of a data folder: its tables, for whoever reads them without being one of its servers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgym_mcp.store.checkpoints import Checkpoints
from mlgym_mcp.store.database import Database
from mlgym_mcp.store.events import Events
from mlgym_mcp.store.folder import DATABASE
from mlgym_mcp.store.gpu_leases import GpuLeases
from mlgym_mcp.store.listing import Listing
from mlgym_mcp.store.notes import Notes
from mlgym_mcp.store.scores import Scores
from mlgym_mcp.store.sessions import Sessions
from mlgym_mcp.store.submissions import Submissions
from mlgym_mcp.store.tokens import Tokens
from mlgym_mcp.store.wishes import Wishes


@dataclass(frozen=True)
class Records:
    """The tables."""

    database: Database
    sessions: Sessions
    events: Events
    submissions: Submissions
    scores: Scores
    wishes: Wishes
    gpu_leases: GpuLeases
    checkpoints: Checkpoints
    notes: Notes
    tokens: Tokens
    listing: Listing

    @classmethod
    @contextmanager
    def read(cls, folder: Path) -> Iterator["Records"]:
        """The records of a data folder as they are now, while others write them; in the thread that opened them.

        Raises:
            SetupError: there are none that this version can read.
        """
        with cls.database_of(folder) as database:
            yield Records(**tables(database))

    @staticmethod
    def database_of(folder: Path) -> AbstractContextManager[Database]:
        """The database alone.

        Raises:
            SetupError: there is none that this version can read.
        """
        return Database.reading(folder / DATABASE)


def tables(database: Database) -> dict[str, Any]:
    """All tables of a database, by the names that records have for them."""
    return {
        "database": database,
        "sessions": Sessions(database),
        "events": Events(database),
        "submissions": Submissions(database),
        "scores": Scores(database),
        "wishes": Wishes(database),
        "gpu_leases": GpuLeases(database),
        "checkpoints": Checkpoints(database),
        "notes": Notes(database),
        "tokens": Tokens(database),
        "listing": Listing(database),
    }
