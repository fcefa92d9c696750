"""Things last used long ago."""

import os
import time
from pathlib import Path

LONG_AGO = time.time() - 60 * 24 * 3600


def aged(path: Path) -> Path:
    """The path, last used long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(path.name)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def aged_folder(path: Path) -> Path:
    """The same of a folder with something in it."""
    aged(path / "public/note")
    return aged(aged(path / "public").parent)
