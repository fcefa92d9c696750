"""Reading: each look at the data folder is one connection, in a thread of its own; the rest of the server goes on."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread
from starlette.datastructures import QueryParams

from mlgym_mcp.store import Records
from mlgym_mcp.store.database import Database
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.viewer.visit import Visit
from mlgym_mcp.viewer.visitor import Visitor

T = TypeVar("T")

AT_ONCE = 4
"""Looks at a time."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What there is to be read: a data folder, which is never written, and the tasks."""

    folder: Path
    catalog: Catalog
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""


class Reading:
    """All looks of one viewer."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    async def look(
        self, visitor: Visitor, path: Mapping[str, str], query: QueryParams, work: Callable[[Visit], T]
    ) -> T:
        """What a look comes to.

        Args:
            visitor: Who looks.
            path: The parameters of the address.
            query: Those after it.
            work: What is made of it.

        Raises:
            SetupError: the data folder can't be read.
        """

        def read() -> T:
            with Records.read(self._shelf.folder) as records:
                shelf = self._shelf
                return work(Visit(visitor, records, shelf.catalog, path, query, shelf.now(), shelf.folder))

        return await to_thread.run_sync(read, limiter=self._turns)

    def database(self) -> AbstractContextManager[Database]:
        """The database, for this thread, to be asked whether it has changed.

        Raises:
            SetupError: it can't be read.
        """
        return Records.database_of(self._shelf.folder)
