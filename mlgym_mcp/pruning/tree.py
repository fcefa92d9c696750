"""Trees: files and folders on the disk, how large they are, and their removal."""

import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

from mlgym_mcp import lock, stamp
from mlgym_mcp.pruning.mounts import Mounts

GOING = ".pruned"
"""How a folder's name ends that is being removed."""


def size(path: Path) -> int:
    """Bytes that a file, or all below a folder, takes up on the disk."""
    return sum(found.st_blocks * 512 for found in _below(path))


def last_change(path: Path) -> float:
    """When a file, or anything below a folder, was last written, in seconds since the epoch."""
    return max((found.st_mtime for found in _below(path)), default=0.0)


def remove_file(path: Path, unused_since: float) -> bool:
    """Remove a file that was not used since then; whether it did. A sandbox that has it mounted keeps it."""
    if not 0 < stamp.of(path) <= unused_since:
        return False
    path.unlink(missing_ok=True)
    return True


def remove_folder(folder: Path, guard: Path, unused_since: float) -> bool:
    """Remove a folder that was not used since then, and is not mounted; whether it did.

    Whoever looks for it by its name finds it whole or not at all. `guard` is the file whose lock its makers hold.
    """
    if not folder.is_dir():
        return False
    with lock.unless_held(guard) as free:
        if not free or stamp.of(folder) > unused_since or Mounts.now().hold(folder):
            return False
        aside = folder.with_name(f"{folder.name}{GOING}")
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    return True


def remove_remains(path: Path, guard: Path | None, unused_since: float) -> bool:
    """Remove what a process that is gone was making, file or folder, if it was not written since then; whether so."""
    with nullcontext(True) if guard is None else lock.unless_held(guard) as free:
        if not free or not 0 < last_change(path) <= unused_since or Mounts.now().hold(path):
            return False
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return not path.exists()


def _below(path: Path) -> Iterator[os.stat_result]:
    with suppress(OSError):  # others may remove what is looked at
        yield path.lstat()
        if path.is_dir() and not path.is_symlink():
            for one in path.iterdir():
                yield from _below(one)
