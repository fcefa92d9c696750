"""A backup: what can't be made again of a data folder, copied to another while servers write it."""

import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.errors import DiskFull, SetupError
from mlgym_mcp.store.audit import FILE as AUDIT
from mlgym_mcp.store.folder import DATABASE
from mlgym_mcp.store.pruned import FILE as PRUNED
from mlgym_mcp.store.store import Store

PARTS = ("secret", AUDIT, PRUNED, "artefacts/*.tar", "workspaces/*.tar")
"""Beside the database, and after it: what its rows name was there before them."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied. Size in bytes."""

    files: int
    size: int


def back_up(store: Store, target: Path, told: Callable[[str], None] = lambda _: None) -> Backup:
    """Copy a store to a new or empty folder, which is one itself then: whole, or not there; `told` of how far it is.

    Raises:
        SetupError: the folder can't be used, or has something in it.
        DiskFull: there is no room for it.
    """
    aside = target.with_name(f".{target.name}.part")
    try:
        if target.exists() and any(target.iterdir()):
            raise SetupError(f"{target} is not empty; name a new folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        _copy(store, aside, told)
        aside.rename(target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull from error
        raise SetupError(f"{target} can't be used ({error.strerror}); name another folder.") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    return Backup(len(sizes), sum(sizes))


def _copy(store: Store, folder: Path, told: Callable[[str], None]) -> None:
    told("copying the database")
    store.database.copy_to(folder / DATABASE)
    paths = [path for part in PARTS for path in store.folder.glob(part)]
    for place, path in enumerate(paths):
        told(f"copying files: {place} of {len(paths)}")
        copy = folder / path.relative_to(store.folder)
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):  # pruned meanwhile
            shutil.copy2(path, copy)
