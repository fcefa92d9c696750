"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def temporary_name(path: Path, writer: str) -> Path:
    """A new name beside `path`, on the same file system, that tells who writes it: an instance."""
    return path.with_name(f".{path.name}.{writer}.{secrets.token_hex(6)}.part")


def remove_parts(folder: Path, gone: Callable[[str], bool]) -> None:
    """Remove the half-written files in a folder whose writers are gone."""
    for part in folder.glob(".*.part"):
        if gone(part.name.split(".")[-3]):
            part.unlink(missing_ok=True)


def write_once(path: Path, content: bytes, writer: str) -> None:
    """Write a file of mode 0600, whole and synced, unless there is one already; whoever comes first wins."""
    part = temporary_name(path, writer)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def keep(part: Path, path: Path) -> None:
    """Give a finished, synced file its name, replacing what had it."""
    os.replace(part, path)
    sync_folder(path.parent)


def append(path: Path, line: str) -> None:
    """Add a line to a file of mode 0600, made if absent; where that fails, as on a full disk, only the log says so."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())  # at once, so that no two writers mix
        finally:
            os.close(descriptor)
    except OSError as error:  # what was done is done, and undoing it for want of a line would lose more
        log.error("line_not_written", file=str(path), reason=error.strerror)


def sync_folder(folder: Path) -> None:
    """Make names in a folder survive a power cut; a no-op where folders can't be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
