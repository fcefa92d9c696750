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
from mlgym_mcp.store.database import Database
from mlgym_mcp.store.files import remove_parts
from mlgym_mcp.store.folder import DATABASE, made
from mlgym_mcp.store.instance import Instance
from mlgym_mcp.store.pruned import Pruned
from mlgym_mcp.store.records import Records, tables
from mlgym_mcp.store.secret import read_secret

KNOWN = "INSERT OR IGNORE INTO instances (id, started_at, process) VALUES (:id, :at, :process)"
FORGET = (
    "DELETE FROM tokens WHERE session = :session",
    "DELETE FROM wishes WHERE session = :session",
    "DELETE FROM gpu_leases WHERE session = :session",
    "DELETE FROM scores WHERE submission IN (SELECT id FROM submissions WHERE session = :session)",
    "DELETE FROM submissions WHERE session = :session",
    "DELETE FROM events WHERE session = :session",
    "UPDATE sessions SET origin = NULL WHERE id = :session",
    "DELETE FROM checkpoints WHERE session = :session",
    "DELETE FROM sessions WHERE id = :session",
)
SEEN = "UPDATE instances SET seen_at = :at WHERE id = :id"


@dataclass(frozen=True)
class Store(Records):
    """A data folder: `mlgym.sqlite`, `artefacts/`, `workspaces/`, `instances/`, `audit.log`, `pruned.log`, `secret`.

    Beside them lie `sandboxes/`, which the backends keep, and `prepared/` and `sources/`, the data of tasks.
    """

    folder: Path
    instance: Instance
    """This server among those that share the folder."""
    audit: AuditLog
    pruned: Pruned
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
                **tables(database),
                audit=AuditLog(folder),
                pruned=Pruned(folder),
                artefacts=Artefacts(folder / "artefacts", instance.id),
                workspaces=Artefacts(folder / "workspaces", instance.id),
                secret=read_secret(folder / "secret", instance.id),
            )

    @property
    def secret_hash(self) -> str:
        """What scores say of the secret."""
        return secret_hash(self.secret)

    def sandbox_id(self) -> str:
        """A new id for a sandbox; the first makes this instance known as one that may have left sandboxes behind."""
        self.database.insert(KNOWN, {"id": self.instance.id, "at": time.time(), "process": os.getpid()})
        return self.instance.new_sandbox_id()

    def beat(self, at: float) -> None:
        """Give a sign of life, `at` seconds since the epoch, for those who will take over what this instance owns."""
        with self.write():
            self.database.insert(KNOWN, {"id": self.instance.id, "at": at, "process": os.getpid()})
            self.database.change(SEEN, {"id": self.instance.id, "at": at})

    def last_seen(self, owner: str | None) -> float | None:
        """When an instance gave its last sign of life; None if that is not known."""
        found = self.database.row("SELECT seen_at FROM instances WHERE id = :id", {"id": owner})
        return None if found is None else found["seen_at"]

    def remove_remains(self) -> None:
        """Remove what instances that are gone have left half-written, and their locks."""
        for folder in (self.folder, self.folder / "artefacts", self.folder / "workspaces"):
            remove_parts(folder, self.instance.free)
        self.instance.remove_stale()

    def abandoned(self, sandbox_id: str) -> bool:
        """Whether a sandbox was made by an instance of this folder that is gone."""
        maker = self.instance.made_by(sandbox_id)
        known = self.database.row("SELECT id FROM instances WHERE id = :id", {"id": maker})
        return known is not None and self.instance.free(maker)

    def forget(self, session: str) -> None:
        """Remove a session that is over and has left no notes, with all that was recorded of it.

        Raises:
            StoreError: something still refers to it.
        """
        with self.write():
            for statement in FORGET:
                self.database.change(statement, {"session": session})

    def write(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """A transaction over several tables: all of it or nothing."""
        return self.database.write(durable=durable)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"
