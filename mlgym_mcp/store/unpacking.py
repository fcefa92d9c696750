"""Unpacking an artefact on the host, for a person to read: an untrusted guest made the tar."""

import shutil
import tarfile
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from mlgym_mcp.errors import SetupError

MAX_ENTRIES = 10_000
"""Files and folders of one artefact."""
MAX_DEPTH = 64
MAX_NAME = 1024
"""Characters of a path."""
COPIED_AT_ONCE = 256 * 1024
MAX_HEADER = 8192
"""Bytes of what tells a long name. Python's regular expressions take hours over a large one that is made for that."""


def unpack(archive: Path, target: Path) -> int:
    """Unpack into a new or empty folder, all or nothing; how many files. Modes, owners and times are not kept.

    Raises:
        SetupError: the folder is not empty, or the artefact holds what no artefact should.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise SetupError(f"{target} is not empty; name a new folder.")
    except OSError as error:
        raise SetupError(f"{target} can't be used ({error.strerror}); name a new folder.") from None
    try:
        with archive.open("rb") as file:
            source = _Source(file)
            with tarfile.open(fileobj=source, mode="r:", errorlevel=2) as tar:  # type: ignore[call-overload]
                return _Unpacking(tar, target, source, archive.stat().st_size).files()
    except RecursionError:  # headers of headers of headers
        _clear(target)
        raise SetupError("the artefact can't be unpacked: its headers are nested without end") from None
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError) as error:
        _clear(target)
        raise SetupError(f"the artefact can't be unpacked: {error}") from None


class _Source:
    """The archive's file, of which no long header can be read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.longest = MAX_HEADER
        self.tell, self.seek = file.tell, file.seek

    def read(self, size: int) -> bytes:
        """The next bytes."""
        if not 0 <= size <= self.longest:
            raise ValueError("a header is too long")
        return self._file.read(size)


class _Unpacking:
    """One archive on its way into one folder, which nothing else writes to and which gets no links."""

    def __init__(self, tar: tarfile.TarFile, target: Path, source: _Source, size: int) -> None:
        self._tar = tar
        self._source = source
        self._target = target
        self._left = size
        self._made = {target}

    def files(self) -> int:
        """Write everything; how many files."""
        count = 0
        for member in self._tar:
            place = self._target.joinpath(*_safe_parts(member.name))
            # A sparse member is a regular file to tarfile and can claim any size.
            if not (member.isdir() or (member.isreg() and not member.issparse())):
                raise ValueError(f"{member.name[:100]!r} is not a regular file or folder")
            self._make_folders(place if member.isdir() else place.parent)
            if member.isreg():
                self._write(member, place)
                count += 1
        return count

    def _make_folders(self, place: Path) -> None:
        for folder in reversed([place, *place.parents]):
            if folder not in self._made and folder.is_relative_to(self._target):
                self._count(folder)
                folder.mkdir()

    def _write(self, member: tarfile.TarInfo, place: Path) -> None:
        self._count(place)
        self._left -= member.size
        content = self._tar.extractfile(member)
        if content is None or self._left < 0:
            raise ValueError(f"{member.name[:100]!r} claims more than the artefact holds")
        with content, place.open("xb") as file:  # new, and through no link
            self._source.longest = COPIED_AT_ONCE
            shutil.copyfileobj(content, file, COPIED_AT_ONCE)
            self._source.longest = MAX_HEADER
            if file.tell() != member.size:
                raise ValueError(f"{member.name[:100]!r} is cut short")

    def _count(self, made: Path) -> None:
        self._made.add(made)
        if len(self._made) > MAX_ENTRIES:
            raise ValueError(f"it has more than {MAX_ENTRIES} files and folders")


def _safe_parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    beyond = name.startswith("/") or ".." in parts or "\0" in name
    # Where the host's own paths have drives and backslashes, a name may be another path than it seems.
    if beyond or len(name) > MAX_NAME or len(parts) > MAX_DEPTH or PurePath(name).parts != parts:
        raise ValueError(f"{name[:100]!r} is not a name below the artefact's folder")
    return parts


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
