"""The SQLite file: opened, brought to this version's schema, and written in transactions.

It is written on the event loop: a commit in WAL takes 0.02 ms, and 0.16 ms through a thread.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from mlgym_mcp.errors import DiskFull, SetupError, StoreError
from mlgym_mcp.store.complaint import sentence
from mlgym_mcp.store.schema import STEPS

BUSY_TIMEOUT = 5.0
"""Seconds that a write waits for another server's."""
INDEX = 32 * 1024
"""Bytes that have to be free to open it."""
SETTINGS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")


class Database:
    """One connection to the SQLite file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._depth = 0
        self.told: Callable[[float], None] = lambda _: None
        """Told the seconds that each transaction took."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Database"]:
        """Open the file, made if absent, in this version's schema. One that can't be used is left as it is.

        Raises:
            SetupError: it can't be used, a newer version of the program has written it, or the disk is full.
        """
        try:
            if path.is_file():
                # Read only, or its closing would write into the file what a crash has left beside it.
                with closing(_connected(path, "ro")) as connection:
                    cls(path, connection)._require_ours()
            connection = _connected(path, "rwc")
        except StoreError as error:
            raise SetupError(str(error)) from error
        with closing(connection):
            database = cls(path, connection)
            try:
                for setting in SETTINGS:
                    database._execute(f"PRAGMA {setting}")
                database._migrate()
            except StoreError as error:
                raise SetupError(str(error)) from error
            yield database

    @classmethod
    @contextmanager
    def reading(cls, path: Path) -> Iterator["Database"]:
        """Open a file that is there to look at it: nothing is written, and others may write meanwhile.

        Raises:
            SetupError: it can't be read, or is not in this version's schema.
        """
        try:
            with closing(_connected(path, "ro")) as connection:
                database = cls(path, connection)
                database._require_ours()
                if database._version() < len(STEPS):
                    raise SetupError(
                        f"{path} was written by an older mlgym-mcp; bring it up to date: mlgym-mcp sessions list."
                    )
                yield database
        except StoreError as error:
            raise SetupError(str(error)) from error

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[None]:
        """A transaction: all of it or nothing. Nested ones join the outermost, which decides on `durable`.

        Args:
            durable: whether it survives a power cut, at the price of a sync.

        Raises:
            DiskFull: there is no room for it.
        """
        if self._depth:
            yield
            return
        began = time.perf_counter()
        if durable:
            self._execute("PRAGMA synchronous = FULL")
        try:
            with self._transaction():
                yield
            self.told(time.perf_counter() - began)
        finally:
            if durable:
                self._execute("PRAGMA synchronous = NORMAL")

    def rows(self, query: str, values: dict[str, Any] | None = None) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._execute(query, values).fetchall()

    def row(self, query: str, values: dict[str, Any] | None = None) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._execute(query, values).fetchone()
        return row

    def change(self, statement: str, values: dict[str, Any]) -> int:
        """Run a statement; how many rows it changed."""
        return self._written(statement, values).rowcount

    def insert(self, statement: str, values: dict[str, Any]) -> int:
        """Insert one row; its id."""
        return self._written(statement, values).lastrowid or 0

    def check_writable(self) -> None:
        """Write what is there already.

        Raises:
            StoreError: the file can't be written.
        """
        self._written(f"PRAGMA user_version = {self._version()}")

    @property
    def changes(self) -> int:
        """A number that is another one once somebody else has written; it costs next to nothing to ask."""
        return int(self._execute("PRAGMA data_version").fetchone()[0])

    @property
    def size(self) -> int:
        """Bytes that it takes up, without what lies beside it for a while."""
        return self._path.stat().st_size

    def shrink(self) -> None:
        """Give back the room of what was removed. Others can't write meanwhile, and as much again has to be free.

        Raises:
            DiskFull: it isn't.
            StoreError: another server is writing.
        """
        if self._execute("PRAGMA freelist_count").fetchone()[0]:
            self._execute("VACUUM")
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """Write what is in it now to a new file, whole, while others go on writing here.

        Raises:
            DiskFull: there is no room for it.
            StoreError: it can't be written.
        """
        with closing(_connected(path, "rwc")) as copy:
            try:
                self._connection.backup(copy)
            except sqlite3.Error as error:
                raise _told(path, error) from error

    def _written(self, statement: str, values: dict[str, Any] | None = None) -> sqlite3.Cursor:
        if self._depth:
            return self._execute(statement, values)
        began = time.perf_counter()
        cursor = self._execute(statement, values)  # a transaction of its own
        self.told(time.perf_counter() - began)
        return cursor

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            # Of a commit that failed, too: it may have left the transaction open, and no other could begin.
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise
        finally:
            self._depth -= 1

    def _execute(self, statement: str, values: dict[str, Any] | None = None) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values or {})
        except sqlite3.Error as error:
            raise _told(self._path, error) from error

    def _require_ours(self) -> None:
        """Refuse what this version could only spoil."""
        tables = self.rows("SELECT name FROM sqlite_master")  # before the version: another server may be making both
        version = self._version()
        if version > len(STEPS):
            raise SetupError(f"{self._path} was written by a newer mlgym-mcp; upgrade, or set MLGYM_MCP_DATA_DIR.")
        if version == 0 and tables:
            raise SetupError(f"{self._path} is another program's database; move it away, or set MLGYM_MCP_DATA_DIR.")

    def _migrate(self) -> None:
        if self._version() == len(STEPS):
            return
        with self.write(durable=True):
            self._require_ours()  # another server may have been here meanwhile
            for step in STEPS[self._version() :]:
                for statement in step.split(";"):
                    self._execute(statement)
            self._execute(f"PRAGMA user_version = {len(STEPS)}")

    def _version(self) -> int:
        return int(self._execute("PRAGMA user_version").fetchone()[0])


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
        )
    except sqlite3.Error as error:
        raise _told(path, error) from error
    connection.row_factory = sqlite3.Row
    return connection


def _told(path: Path, error: sqlite3.Error) -> DiskFull | StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    # Of a disk that has no room for the index its users share, SQLite says only that it failed.
    no_room = code == sqlite3.SQLITE_IOERR and shutil.disk_usage(path.parent).free < INDEX
    return DiskFull() if code == sqlite3.SQLITE_FULL or no_room else StoreError(sentence(path, error))
