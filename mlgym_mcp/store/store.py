"""The store: one data folder, opened by one instance."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.seed import secret_hash
from mlgym_mcp.store.artefacts import Artefacts
from mlgym_mcp.store.audit import AuditLog
from mlgym_mcp.store.checkpoints import Checkpoints
from mlgym_mcp.store.database import Database
from mlgym_mcp.store.events import Events
from mlgym_mcp.store.folder import DATABASE, made
from mlgym_mcp.store.gpu_leases import GpuLeases
from mlgym_mcp.store.instance import Instance
from mlgym_mcp.store.notes import Notes
from mlgym_mcp.store.scores import Scores
from mlgym_mcp.store.secret import read_secret
from mlgym_mcp.store.sessions import Sessions
from mlgym_mcp.store.submissions import Submissions
from mlgym_mcp.store.tokens import Tokens
from mlgym_mcp.store.wishes import Wishes


@dataclass(frozen=True)
class Store:
    """A data folder: `mlgym.sqlite`, `artefacts/`, `workspaces/`, `instances/`, `audit.log` and `secret`.

    Beside them lie `sandboxes/`, which the backends keep, and `prepared/` and `sources/`, the data of tasks.
    """

    folder: Path
    instance: Instance
    """This server among those that share the folder."""
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
    audit: AuditLog
    artefacts: Artefacts
    workspaces: Artefacts
    """The archives of checkpoints."""
    secret: bytes
    """Never to be shown; scores carry `secret_hash`."""

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Store"]:
        """Open a data folder, made if absent, as a new instance.

        Raises:
            SetupError: the folder can't be used.
        """
        made(folder, "artefacts", "workspaces", "instances")
        with Instance.open(folder / "instances") as instance, Database.open(folder / DATABASE) as database:
            yield cls(
                folder=folder,
                instance=instance,
                database=database,
                sessions=Sessions(database),
                events=Events(database),
                submissions=Submissions(database),
                scores=Scores(database),
                wishes=Wishes(database),
                gpu_leases=GpuLeases(database),
                checkpoints=Checkpoints(database),
                notes=Notes(database),
                tokens=Tokens(database),
                audit=AuditLog(folder),
                artefacts=Artefacts(folder / "artefacts"),
                workspaces=Artefacts(folder / "workspaces"),
                secret=read_secret(folder / "secret"),
            )

    @property
    def secret_hash(self) -> str:
        """What scores say of the secret."""
        return secret_hash(self.secret)

    def sandbox_id(self) -> str:
        """A new id for a sandbox; the first makes this instance known as one that may have left sandboxes behind."""
        self.database.insert(
            "INSERT OR IGNORE INTO instances (id, started_at, process) VALUES (:id, :at, :process)",
            {"id": self.instance.id, "at": time.time(), "process": os.getpid()},
        )
        return self.instance.new_sandbox_id()

    def abandoned(self, sandbox_id: str) -> bool:
        """Whether a sandbox was made by an instance of this folder that is gone."""
        maker = self.instance.made_by(sandbox_id)
        known = self.database.row("SELECT id FROM instances WHERE id = :id", {"id": maker})
        return known is not None and self.instance.free(maker)

    def write(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """A transaction over several tables: all of it or nothing."""
        return self.database.write(durable=durable)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"
