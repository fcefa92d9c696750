"""A lock between processes: held on an open file, so that a holder's death frees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import anyio

POLL = 0.2
"""Seconds between tries: a thread that blocks in the kernel could not be cancelled."""


@asynccontextmanager
async def exclusive(path: Path) -> AsyncIterator[None]:
    """Hold the lock of this file, waiting for as long as another task or process holds it. POSIX only."""
    with path.open("w") as file:
        while not try_lock(file):  # noqa: ASYNC110 -- the other holder can't set an event of ours
            await anyio.sleep(POLL)
        yield


def try_lock(file: IO[str]) -> bool:
    """Take the lock of an open file, for as long as it stays open; False when another has it."""
    import fcntl  # absent on Windows, where this module is imported but never used

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
