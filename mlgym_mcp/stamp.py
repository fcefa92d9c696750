"""Stamps: when a thing was last used, as the time of a file says. What is used now is not pruned."""

import os
from contextlib import suppress
from pathlib import Path


def touch(path: Path) -> None:
    """Stamp a file that is used now; one that is gone, or another user's, stays as it is."""
    with suppress(OSError):
        os.utime(path)


def of(path: Path) -> float:
    """When it was last used, in seconds since the epoch; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
