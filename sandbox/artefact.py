"""The artefact that is graded: one plain tar of regular files and folders, whatever made it."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from judging import Fault

MAX_FILES = 10_000
MAX_NAME = 1024


def unpack(archive: Path, target: Path) -> None:
    """Unpack `archive` into the new folder `target`; modes, owners and times of the archive are not kept.

    Raises:
        Fault: it is not a whole tar, or holds anything that is not a regular file or a folder below `target`.
    """
    target.mkdir(parents=True)
    with archive.open("rb") as file:
        _unpack_stream(file, target)


def _unpack_stream(file: BinaryIO, target: Path) -> None:
    try:
        with tarfile.open(fileobj=file, mode="r:", errorlevel=2) as tar:
            for count, member in enumerate(tar, start=1):
                if count > MAX_FILES:
                    raise Fault("bad_archive", f"the submission has more than {MAX_FILES} files")
                _unpack_member(tar, member, target)
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError, RecursionError) as error:
        raise Fault("bad_archive", f"the submission can't be unpacked: {error}") from None


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    place = target.joinpath(*_safe_parts(member.name))
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    # A sparse member is a regular file to tarfile and can claim any size.
    if not member.isreg() or member.issparse():
        raise Fault("bad_archive", f"{member.name[:100]!r} is not a regular file or folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None, "a regular member has content"
    created = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with content, os.fdopen(created, "wb") as file:
        shutil.copyfileobj(content, file)
        if file.tell() != member.size:
            raise Fault("bad_archive", f"{member.name[:100]!r} is cut short")


def _safe_parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or len(name) > MAX_NAME:
        raise Fault("bad_archive", f"{name[:100]!r} is not a name below the submission's folder")
    return path.parts
