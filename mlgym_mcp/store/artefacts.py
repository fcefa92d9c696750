"""Artefacts: packed submissions, kept as files named by their hash, and stamped with their last use."""

import errno
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from mlgym_mcp import lock, stamp
from mlgym_mcp.errors import DiskFull
from mlgym_mcp.store.files import keep, temporary_name

LOCK = ".lock"
"""Held while one gets its name or is removed, or one that is added once more could be removed as unused."""


@dataclass(frozen=True, slots=True)
class StoredArtefact:
    """One artefact in the folder. Size in bytes."""

    sha256: str
    path: Path
    size: int


class Artefacts:
    """The folder of artefacts, as one instance writes it."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._writer = writer

    def get(self, sha256: str) -> StoredArtefact | None:
        """The artefact with this hash, or None."""
        path = self._path(sha256)
        stamp.touch(path)
        return StoredArtefact(sha256, path, path.stat().st_size) if path.is_file() else None

    def named(self, prefix: str) -> list[StoredArtefact]:
        """The artefacts whose hash begins so; this is no use of them."""
        paths = sorted(path for path in self._folder.glob("*.tar") if path.name.startswith(prefix))
        return [StoredArtefact(path.stem, path, path.stat().st_size) for path in paths]

    async def add(self, chunks: AsyncIterator[bytes]) -> StoredArtefact:
        """Keep what a stream brings; on return it is on the disk. Nothing is left of a stream that fails.

        Raises:
            DiskFull: there is no room for it.
        """
        part = temporary_name(self._folder / "artefact", self._writer)
        digest = hashlib.sha256()
        try:
            async with await anyio.open_file(part, "xb") as file:
                async for chunk in chunks:
                    digest.update(chunk)
                    await file.write(chunk)
                await file.flush()
                await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
            path = self._path(digest.hexdigest())
            async with lock.exclusive(self._folder / LOCK):
                await anyio.to_thread.run_sync(keep, part, path)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull from error
            raise
        finally:
            part.unlink(missing_ok=True)
        return StoredArtefact(digest.hexdigest(), path, path.stat().st_size)

    async def remove(self, sha256: str, *, unused_since: float) -> bool:
        """Remove one that was not used, or added once more, since then (seconds since the epoch); whether it did."""
        path = self._path(sha256)
        async with lock.exclusive(self._folder / LOCK):
            if not 0 < stamp.of(path) <= unused_since:
                return False
            path.unlink()
            return True

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.tar"
