"""Files of the sandbox, as the agent sees them: view, create, replace, insert; and whole files in and out.

Everything runs under the agent's own uid, so the kernel decides what may be read or written. Only regular files are
opened: a FIFO or a device would hang the guest.
"""

import errno
import os
import stat
from typing import Optional

from refusal import Refused
from shown import View, listing, numbered, snippet

MAX_IMAGE = 5 * 1024 * 1024
MAX_EDITABLE = 64 * 1024 * 1024
MAX_UPLOADS = 16

IMAGES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


class Files:
    """File operations. Relative paths are taken from the workspace."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._uploads: dict[int, tuple[int, str, str]] = {}
        self._count = 0

    def view(self, path: str, first: Optional[int], last: Optional[int]) -> View:
        """A file's numbered lines (1-based, `last` included), a folder's entries two levels deep, or an image."""
        full = self._resolve(path)
        if os.path.isdir(full):
            return View("folder", listing(full, path), 0, False)
        fd = _open_regular(full, path)
        with os.fdopen(fd, "rb") as file:
            kind = next((kind for magic, kind in IMAGES.items() if file.peek(8).startswith(magic)), None)
            size = os.fstat(fd).st_size
            if kind:
                if size > MAX_IMAGE:
                    raise Refused(
                        f"{path} is an image of {size} bytes; at most {MAX_IMAGE} can be shown: scale it down first"
                    )
                return View(kind, file.read(MAX_IMAGE), 0, False)
            if size > MAX_EDITABLE:
                raise Refused(f"{path} has {size} bytes, too many to view; use bash with sed -n, head or tail")
            return numbered(file.read(MAX_EDITABLE), path, first, last)

    def create(self, path: str, text: bytes) -> bool:
        """Write a whole file, its folders made; whether it replaced one."""
        full = self._resolve(path)
        if os.path.isdir(full):
            raise Refused(f"{path} is a folder; name a file")
        existed = os.path.lexists(full)
        _replace(full, path, text)
        return existed

    def str_replace(self, path: str, old: bytes, new: bytes) -> bytes:
        """Replace the one occurrence of `old`; the lines around the change."""
        if not old:
            raise Refused("old_str is empty; use insert, or create to write the whole file")
        full = self._resolve(path)
        content = _read_editable(full, path)
        places = _occurrences(content, old)
        if not places:
            raise Refused(_not_found(content, old, path))
        if len(places) > 1:
            lines = ", ".join(str(content.count(b"\n", 0, place) + 1) for place in places[:20])
            raise Refused(
                f"old_str occurs {len(places)} times in {path}, at lines {lines}; add lines around it until unique"
            )
        changed = content[: places[0]] + new + content[places[0] + len(old) :]
        _replace(full, path, changed)
        line = content.count(b"\n", 0, places[0]) + 1
        return snippet(changed, line, new.count(b"\n") + 1)

    def insert(self, path: str, line: int, text: bytes) -> bytes:
        """Insert whole lines after line `line` (0: at the beginning); the lines around the change."""
        full = self._resolve(path)
        content = _read_editable(full, path)
        lines = content.splitlines(keepends=True)
        if not 0 <= line <= len(lines):
            raise Refused(f"insert_line is {line}, but {path} has {len(lines)} lines; give 0 to {len(lines)}")
        if line and not lines[line - 1].endswith((b"\n", b"\r")):
            lines[line - 1] += b"\n"
        added = text if text.endswith(b"\n") or not text else text + b"\n"
        changed = b"".join(lines[:line]) + added + b"".join(lines[line:])
        _replace(full, path, changed)
        return snippet(changed, line + 1, added.count(b"\n"))

    def read(self, path: str, offset: int, length: int) -> tuple[bytes, int]:
        """A piece of a file, and the file's size."""
        fd = _open_regular(self._resolve(path), path)
        try:
            return os.pread(fd, length, offset), os.fstat(fd).st_size
        finally:
            os.close(fd)

    def upload(self, path: str, mode: int) -> int:
        """Begin to write a file; the number to give `append` and `finish`."""
        full = self._resolve(path)
        if os.path.isdir(full):
            raise Refused(f"{path} is a folder; name a file")
        try:
            fd, temporary = _beside(full, mode)
        except OSError as error:
            raise Refused(f"{path} can't be written: {error.strerror}") from None
        if len(self._uploads) >= MAX_UPLOADS:
            self._discard(next(iter(self._uploads)))  # a lost writer must not leave descriptors open
        self._count += 1
        self._uploads[self._count] = (fd, temporary, full)
        return self._count

    def append(self, upload: int, data: bytes) -> None:
        fd, temporary, full = self._upload(upload)
        try:
            while data:
                data = data[os.write(fd, data) :]
        except OSError as error:
            self._discard(upload)
            raise Refused(f"{full} can't be written: {error.strerror}") from None

    def finish(self, upload: int) -> None:
        fd, temporary, full = self._upload(upload)
        del self._uploads[upload]
        os.close(fd)
        try:
            os.replace(temporary, full)
        except OSError as error:
            _unlink(temporary)
            raise Refused(f"{full} can't be written: {error.strerror}") from None

    def _upload(self, number: int) -> tuple[int, str, str]:
        if number not in self._uploads:
            raise Refused(f"there is no upload {number}")
        return self._uploads[number]

    def _discard(self, number: int) -> None:
        fd, temporary, _ = self._uploads.pop(number)
        os.close(fd)
        _unlink(temporary)

    def _resolve(self, path: str) -> str:
        if not path or "\0" in path:
            raise Refused("path is empty or holds the character NUL; give a file's path")
        return os.path.join(self._workspace, path)


def _open_regular(full: str, path: str) -> int:
    try:
        fd = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}{_neighbours(full, error)}") from None
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise Refused(f"{path} is no regular file, but a device, a FIFO or the like")
    if info.st_dev == os.stat("/proc").st_dev:
        # Its own part of /proc shows the guest what nobody else may see: its memory, the token in it.
        os.close(fd)
        raise Refused(f"{path} belongs to the kernel; read it with bash")
    return fd


def _neighbours(full: str, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return ""
    folder = os.path.dirname(full)
    try:
        names = sorted(os.listdir(folder))[:20]
    except OSError:
        return f"; there is no folder {folder}"
    return f"; {folder} holds: {', '.join(names)}" if names else f"; {folder} is empty"


def _read_editable(full: str, path: str) -> bytes:
    if os.path.isdir(full):
        raise Refused(f"{path} is a folder; name a file")
    fd = _open_regular(full, path)
    with os.fdopen(fd, "rb") as file:
        if os.fstat(fd).st_size > MAX_EDITABLE:
            raise Refused(f"{path} is larger than {MAX_EDITABLE} bytes; change it with bash (sed, python)")
        return file.read(MAX_EDITABLE)


def _replace(full: str, path: str, content: bytes) -> None:
    """Write beside the file and rename, so that a full disk loses nothing; links are followed, the mode is kept."""
    target = os.path.realpath(full)
    temporary = ""
    try:
        mode = _mode_to_keep(target, path)
        fd, temporary = _beside(target, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            os.fchmod(fd, mode)
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            _unlink(temporary)
        raise Refused(f"{path} can't be written: {error.strerror}; it is as it was") from None


def _mode_to_keep(target: str, path: str) -> int:
    if not os.path.exists(target):
        return 0o644
    mode = os.stat(target).st_mode
    if not stat.S_ISREG(mode):
        raise Refused(f"{path} is no regular file, but a device, a FIFO or the like")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(mode)


def _beside(full: str, mode: int) -> tuple[int, str]:
    """A new file in the folder of another, and its path, which nobody could foresee and so lead elsewhere by a link."""
    folder = os.path.dirname(full)
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    temporary = f"{folder}/.{os.urandom(8).hex()}.part"
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), temporary


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # the agent was quicker


def _occurrences(content: bytes, part: bytes) -> list[int]:
    places: list[int] = []
    place = content.find(part)
    while place >= 0 and len(places) < 1000:
        places.append(place)
        place = content.find(part, place + 1)
    return places


def _not_found(content: bytes, old: bytes, path: str) -> str:
    text = f"old_str was not found in {path}"
    squeezed = b" ".join(old.split())
    if squeezed and squeezed in b" ".join(content.split()):
        return f"{text} as written, but is there with other white space; view the file and copy the lines exactly"
    first = next((line.strip() for line in old.splitlines() if line.strip()), b"")
    for number, line in enumerate(content.splitlines(), 1):
        if first and first in line:
            return f"{text}; its first line is like line {number}, what follows differs: view the file from there"
    return f"{text}; view the file and copy the lines exactly"
