"""Files of the sandbox, as the agent sees them: view, create, replace, insert; and whole files in and out.

Everything runs under the agent's own uid, so the kernel decides what may be read or written. Only regular files are
opened: a FIFO or a device would hang the guest.
"""

import os
import stat
from typing import Dict, List, NamedTuple, Optional, Tuple

from refusal import Refused

MAX_VIEW = 256 * 1024
MAX_IMAGE = 5 * 1024 * 1024
MAX_EDITABLE = 64 * 1024 * 1024
MAX_LISTED = 1000
SNIPPET = 4
"""Lines shown around an edit."""

IMAGES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


class View(NamedTuple):
    kind: str
    data: bytes
    total_lines: int
    truncated: bool


class Files:
    """File operations. Relative paths are taken from the workspace."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._uploads: Dict[int, Tuple[int, str, str]] = {}
        self._count = 0

    def view(self, path: str, first: Optional[int], last: Optional[int]) -> View:
        """A file's numbered lines (1-based, `last` included), a folder's entries two levels deep, or an image."""
        full = self._resolve(path)
        if os.path.isdir(full):
            return View("folder", _listing(full), 0, False)
        fd = _open_regular(full, path)
        with os.fdopen(fd, "rb") as file:
            kind = next((kind for magic, kind in IMAGES.items() if file.peek(8).startswith(magic)), None)
            size = os.fstat(fd).st_size
            if kind:
                if size > MAX_IMAGE:
                    raise Refused(f"{path} is an image of {size} bytes; at most {MAX_IMAGE} can be shown: scale it down first")
                return View(kind, file.read(MAX_IMAGE), 0, False)
            if size > MAX_EDITABLE:
                raise Refused(f"{path} has {size} bytes, too many to view; use bash with sed -n, head or tail")
            return _numbered(file.read(MAX_EDITABLE), path, first, last)

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
            raise Refused(_not_found(content, old, path), "not_found")
        if len(places) > 1:
            lines = ", ".join(str(content.count(b"\n", 0, place) + 1) for place in places[:20])
            raise Refused(
                f"old_str occurs {len(places)} times in {path}, at lines {lines}; add surrounding lines until it is unique",
                "ambiguous",
            )
        changed = content[: places[0]] + new + content[places[0] + len(old) :]
        _replace(full, path, changed)
        line = content.count(b"\n", 0, places[0]) + 1
        return _snippet(changed, line, new.count(b"\n") + 1)

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
        return _snippet(changed, line + 1, added.count(b"\n"))

    def read(self, path: str, offset: int, length: int) -> Tuple[bytes, int]:
        """A piece of a file, and the file's size."""
        fd = _open_regular(self._resolve(path), path)
        try:
            return os.pread(fd, length, offset), os.fstat(fd).st_size
        finally:
            os.close(fd)

    def upload(self, path: str, mode: int) -> int:
        """Begin to write a file; the number to give `append` and `finish`."""
        full = self._resolve(path)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            temporary = f"{full}.part{os.getpid()}-{self._count}"
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            raise Refused(f"{path} can't be written: {error.strerror}")
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
            raise Refused(f"{full} can't be written: {error.strerror}")

    def finish(self, upload: int) -> None:
        fd, temporary, full = self._upload(upload)
        del self._uploads[upload]
        os.close(fd)
        try:
            os.replace(temporary, full)
        except OSError as error:
            os.unlink(temporary)
            raise Refused(f"{full} can't be written: {error.strerror}")

    def _upload(self, number: int) -> Tuple[int, str, str]:
        if number not in self._uploads:
            raise Refused(f"there is no upload {number}")
        return self._uploads[number]

    def _discard(self, number: int) -> None:
        fd, temporary, _ = self._uploads.pop(number)
        os.close(fd)
        os.unlink(temporary)

    def _resolve(self, path: str) -> str:
        if not path or "\0" in path:
            raise Refused("path is empty or holds the character NUL; give a file's path")
        return os.path.join(self._workspace, path)


def _open_regular(full: str, path: str) -> int:
    try:
        fd = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}{_neighbours(full, error)}", "not_found")
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Refused(f"{path} is no regular file")
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
    temporary = f"{target}.edit{os.getpid()}"
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else 0o644
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise PermissionError(13, "Permission denied")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, target)
    except OSError as error:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise Refused(f"{path} can't be written: {error.strerror}; it is as it was")


def _occurrences(content: bytes, part: bytes) -> List[int]:
    places = []
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


def _numbered(content: bytes, path: str, first: Optional[int], last: Optional[int]) -> View:
    lines = content.splitlines()
    begin = 1 if first is None else first
    end = len(lines) if last is None or last == -1 else last
    if first is not None and not (1 <= begin <= max(1, len(lines)) and begin <= end):
        raise Refused(f"view_range [{first}, {last}] does not fit {path}, which has {len(lines)} lines")
    shown: List[bytes] = []
    size = 0
    for number, line in enumerate(lines[begin - 1 : end], begin):
        shown.append(b"%6d\t%s\n" % (number, line))
        size += len(shown[-1])
        if size > MAX_VIEW:
            return View("text", b"".join(shown)[:MAX_VIEW], len(lines), True)
    return View("text", b"".join(shown), len(lines), False)


def _snippet(content: bytes, line: int, count: int) -> bytes:
    lines = content.splitlines()
    begin = max(1, line - SNIPPET)
    end = min(len(lines), line + count - 1 + SNIPPET)
    return b"".join(b"%6d\t%s\n" % (n, lines[n - 1]) for n in range(begin, end + 1))[:MAX_VIEW]


def _listing(top: str) -> bytes:
    entries: List[bytes] = []
    for folder, folders, files in os.walk(top):
        depth = os.path.relpath(folder, top).count(os.sep) + (folder != top)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < 2 else []
        for name in folders:
            entries.append(os.fsencode(os.path.relpath(os.path.join(folder, name), top)) + b"/")
        for name in sorted(files) if depth < 2 else []:
            if not name.startswith("."):
                entries.append(os.fsencode(os.path.relpath(os.path.join(folder, name), top)))
        if len(entries) > MAX_LISTED:
            return b"\n".join(sorted(entries[:MAX_LISTED])) + b"\n(more entries left out)\n"
    return b"\n".join(sorted(entries)) + b"\n" if entries else b"(empty folder)\n"
