"""The lock of a run's folder: held on an open file, so that a holder's death frees it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mlgym_clients.runs.plan import BadPlan

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[Any]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: IO[Any]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes off a run's folder while the block runs.

    Raises:
        BadPlan: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            _take(file)
        except (BlockingIOError, PermissionError):  # the second is Windows' way to say so
            raise BadPlan(f"another process runs in {folder}; wait for it, or name another folder with --to.") from None
        yield
