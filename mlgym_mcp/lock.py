"""A lock between processes: held on an open file, so that a holder's death frees it."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any

import anyio

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[Any]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[Any]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


POLL = 0.2
"""Seconds between tries: a thread that blocks in the kernel could not be cancelled."""


@asynccontextmanager
async def exclusive(path: Path) -> AsyncIterator[None]:
    """Hold the lock of this file, waiting for as long as another task or process holds it."""
    with path.open("w") as file:
        while not try_lock(file):  # noqa: ASYNC110 -- the other holder can't set an event of ours
            await anyio.sleep(POLL)
        yield


@contextmanager
def unless_held(path: Path) -> Iterator[bool]:
    """Hold the lock of this file if nobody else does, and say so; the file's time stays what it was."""
    with path.open("ab") as file:
        yield try_lock(file)


def try_lock(file: IO[Any]) -> bool:
    """Take the lock of an open file, for as long as it stays open; False when another has it."""
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):  # the second is Windows' way to say so
        return False
    return True
