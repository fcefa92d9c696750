"""The lock of a run's folder: held on an open file, so that a holder's death frees it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mlgym_clients.runs.fault import Fault
from mlgym_clients.runs.plan import BadPlan

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[Any], *, shared: bool = False) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: IO[Any], *, shared: bool = False) -> None:
        fcntl.flock(file.fileno(), (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


LOCK = ".lock"
LOG = "server.log"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes off a run's folder while the block runs; one in which no run begins is removed again.

    Raises:
        BadPlan: another process has it, or it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadPlan(f"the folder {folder} can't be made ({error.strerror}); name another one with --to.") from None
    with (folder / LOCK).open("w") as file:
        try:
            _take(file)
        except (BlockingIOError, PermissionError):  # the second is Windows' way to say so
            raise BadPlan(f"another process runs in {folder}; wait for it, or name another folder with --to.") from None
        try:
            yield
        except (BadPlan, Fault):
            _remove(folder)
            raise


def is_locked(folder: Path) -> bool:
    """Whether a process runs in a run's folder now."""
    try:
        with (folder / LOCK).open("rb") as file:
            _take(file, shared=True)  # until it is closed, at once: others who look do not shut each other out
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # nobody ever ran here, or its disk has no locks
        return False
    return False


def _remove(folder: Path) -> None:
    if not (folder / "run.json").exists():
        for name in (LOCK, LOG):
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files are there
            folder.rmdir()
