"""Packing: the files of a submission as one tar, read once.

Every component of a path is opened with O_NOFOLLOW, every file must be regular, and the sizes are bounded. What is
read is what counts: whatever changes behind it later changes nothing.
"""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from refusal import Refused

BLOCK = 512
CHUNK = 256 * 1024
MAX_FILES = 10_000
MAX_ENTRIES = 2 * MAX_FILES
"""Files and folders together: whoever asks waits while they are looked at, and so does everybody else."""
MAX_DEPTH = 64
MAX_PATH = 1000
"""Bytes of one path, so that its headers stay within what the host expects."""


class Found(NamedTuple):
    path: str
    size: int
    inode: int


class Packer:
    """Transfers under way: each a generator that reads as it is asked."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._transfers: dict[int, Iterator[bytes]] = {}
        self._count = 0
        self._entries = 0

    def begin(self, paths: list[str], max_size: int) -> tuple[int, list[tuple[str, int]]]:
        """Check that every path is there and fits; a transfer's number, and the files with their sizes."""
        files: list[Found] = []
        self._entries = 0
        for path in paths:
            self._collect(_within_workspace(path), files)
        total = sum(found.size for found in files)
        if total > max_size:
            raise Refused(f"the submission has {total} bytes, at most {max_size} are taken")
        self._count += 1
        # One transfer at a time: a lost reader must not leave descriptors open.
        self._transfers = {self._count: self._tar(files)}
        return self._count, [(found.path, found.size) for found in files]

    def pull(self, transfer: int) -> tuple[bytes, bool]:
        """The next bytes of a transfer, and whether they are its last."""
        if transfer not in self._transfers:
            raise Refused(f"there is no transfer {transfer}")
        chunk = next(self._transfers[transfer], b"")
        if not chunk:
            del self._transfers[transfer]
        return chunk, not chunk

    def _collect(self, path: str, files: list[Found]) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise Refused(f"the submission has more than {MAX_ENTRIES} files and folders")
        if len(os.fsencode(path)) > MAX_PATH:
            raise Refused(f"{path[:200]}…: the path has more than {MAX_PATH} bytes")
        if path.count("/") > MAX_DEPTH:
            raise Refused(f"{path[:200]}…: folders lie in each other more than {MAX_DEPTH} deep")
        fd = self._open(path)
        try:
            info = os.fstat(fd)
            if stat.S_ISDIR(info.st_mode):
                for name in sorted(os.listdir(fd)):
                    self._collect(f"{path}/{name}" if path else name, files)
            elif stat.S_ISREG(info.st_mode):
                files.append(Found(path, info.st_size, info.st_ino))
            else:
                raise Refused(f"{path} is neither a regular file nor a folder; put a real file there")
        finally:
            os.close(fd)
        if len(files) > MAX_FILES:
            raise Refused(f"the submission has more than {MAX_FILES} files")

    def _open(self, path: str) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        folder = os.open(self._workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in path.split("/") if path else ():
                inner = os.open(part, flags, dir_fd=folder)
                os.close(folder)
                folder = inner
            return folder
        except OSError as error:
            os.close(folder)
            raise _missing(path, self._workspace, error) from None

    def _tar(self, files: list[Found]) -> Iterator[bytes]:
        for path, size, inode in files:
            fd = self._open(path)
            try:
                info = os.fstat(fd)
                # One file in another's place is taken as it is, unless it would be cut where the other ended.
                if not stat.S_ISREG(info.st_mode) or (info.st_ino != inode and info.st_size != size):
                    raise Refused(f"{path} was exchanged while it was read; stop whatever does that")
                yield from _header(path, size)
                left = size
                while left:
                    chunk = os.read(fd, min(left, CHUNK))
                    if not chunk:
                        raise Refused(f"{path} shrank while it was read; stop whatever writes it")
                    left -= len(chunk)
                    yield chunk
            finally:
                os.close(fd)
            if size % BLOCK:
                yield bytes(BLOCK - size % BLOCK)
        yield bytes(2 * BLOCK)


def _within_workspace(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if os.path.isabs(path) or ".." in parts:
        raise Refused(f"{path}: a submission's paths lie within the workspace")
    return "/".join(parts)


def _missing(path: str, workspace: str, error: OSError) -> Refused:
    if error.errno == 40:  # ELOOP: O_NOFOLLOW met a symbolic link
        return Refused(f"{path} is a symbolic link; put the file itself there")
    if error.errno in (2, 20):
        return Refused(f"{path} is not in {workspace}; write it first")
    return Refused(f"{path} can't be read: {error.strerror}")


def _header(path: str, size: int) -> Iterator[bytes]:
    name = path.encode("utf-8", "surrogateescape")
    if len(name) > 100 or size >= 8**11:
        records = _record(b"path", name) + _record(b"size", str(size).encode())
        yield _block(b"./PaxHeader", len(records), b"x")
        yield records + bytes(-len(records) % BLOCK)
    yield _block(name[:100], min(size, 8**11 - 1), b"0")


def _record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    total = length + len(str(length))
    total = length + len(str(total))
    return b"%d %s=%s\n" % (total, key, value)


def _block(name: bytes, size: int, kind: bytes) -> bytes:
    fields = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"%011o\0" % 0
    rest = kind + bytes(100) + b"ustar\x0000"
    checksum = sum(fields) + 8 * 32 + sum(rest)
    return (fields + b"%06o\0 " % checksum + rest).ljust(BLOCK, b"\0")
