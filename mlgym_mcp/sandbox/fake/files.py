"""Files: a dictionary of paths, over the read-only mounts, which are the host's own files."""

import io
import posixpath
import tarfile
from collections.abc import Sequence

from mlgym_mcp.sandbox.base import WORKSPACE, Mount
from mlgym_mcp.sandbox.fake.refusal import Refused

IMAGES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
SNIPPET = 4
"""Lines shown around an edit."""


class FakeFiles:
    """The files of one fake sandbox, by absolute path."""

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self.contents: dict[str, bytes] = {}
        self._mounts = mounts

    def resolve(self, path: str, folder: str = WORKSPACE) -> str:
        """An absolute path."""
        if not path:
            raise Refused("path is empty; give a file's path")
        return posixpath.normpath(posixpath.join(folder, path))

    def read(self, path: str) -> bytes:
        """A whole file."""
        full = self.resolve(path)
        if full in self.contents:
            return self.contents[full]
        for mount in self._mounts:
            host = mount.source / posixpath.relpath(full, mount.target)
            if full.startswith(mount.target.rstrip("/") + "/") and host.is_file():
                return host.read_bytes()
        raise Refused(f"{path} can't be read: No such file or directory")

    def write(self, path: str, content: bytes) -> bool:
        """Write a whole file; whether it replaced one."""
        full = self.resolve(path)
        if self.is_folder(full):
            raise Refused(f"{path} is a folder; name a file")
        existed = full in self.contents
        self.contents[full] = content
        return existed

    def is_folder(self, path: str) -> bool:
        """Whether it is a folder."""
        full = self.resolve(path)
        return full == WORKSPACE or any(name.startswith(full.rstrip("/") + "/") for name in self.contents)

    def view(self, path: str, first: int | None, last: int | None) -> tuple[str, bytes, int]:
        """Kind, what is shown, and how many lines there are."""
        if self.is_folder(path):
            return "folder", "".join(f"{name}\n" for name in self._below(path)).encode() or b"(empty folder)\n", 0
        content = self.read(path)
        for magic, kind in IMAGES.items():
            if content.startswith(magic):
                return kind, content, 0
        lines = content.splitlines()
        begin, end = 1 if first is None else first, len(lines) if last in (None, -1) else last
        if first is not None and not (1 <= begin <= max(1, len(lines)) and begin <= (end or 0)):
            raise Refused(f"view_range [{first}, {last}] does not fit {path}, which has {len(lines)} lines")
        return "text", _numbered(lines, begin, end or 0), len(lines)

    def str_replace(self, path: str, old: bytes, new: bytes) -> bytes:
        """Replace the one occurrence of `old`; the lines around the change."""
        content = self.read(path)
        if (count := content.count(old)) != 1:
            found = f"occurs {count} times" if count else "was not found"
            raise Refused(f"old_str {found} in {path}; give lines that occur once")
        line = content.count(b"\n", 0, content.index(old)) + 1
        return self._change(path, content.replace(old, new), line, new.count(b"\n") + 1)

    def insert(self, path: str, line: int, text: bytes) -> bytes:
        """Insert whole lines after line `line`; the lines around the change."""
        lines = self.read(path).splitlines(keepends=True)
        if not 0 <= line <= len(lines):
            raise Refused(f"insert_line is {line}, but {path} has {len(lines)} lines; give 0 to {len(lines)}")
        added = text if text.endswith(b"\n") else text + b"\n"
        content = b"".join([*lines[:line], added, *lines[line:]])
        return self._change(path, content, line + 1, added.count(b"\n"))

    def pack(self, paths: Sequence[str], max_size: int) -> tuple[bytes, int]:
        """A tar of files and folders of the workspace, and how many files it holds."""
        names = [name for path in paths for name in self._packed(path)]
        total = sum(len(self.read(name)) for name in names)
        if total > max_size:
            raise Refused(f"the submission has {total} bytes, at most {max_size} are taken")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(self.read(name))
                tar.addfile(info, io.BytesIO(self.read(name)))
            end = tar.offset + 2 * tarfile.BLOCKSIZE  # without tarfile's own padding to a whole record
        return packed.getvalue()[:end], len(names)

    def _packed(self, path: str) -> list[str]:
        full = self.resolve(path)
        if full in self.contents:
            return [posixpath.relpath(full, WORKSPACE)]
        if not self.is_folder(full):
            raise Refused(f"{path} is not in {WORKSPACE}; write it first")
        return [posixpath.relpath(posixpath.join(full, name), WORKSPACE) for name in self._below(full)]

    def _below(self, path: str) -> list[str]:
        prefix = self.resolve(path).rstrip("/") + "/"
        return sorted(name.removeprefix(prefix) for name in self.contents if name.startswith(prefix))

    def _change(self, path: str, content: bytes, line: int, count: int) -> bytes:
        self.write(path, content)
        lines = content.splitlines()
        return _numbered(lines, max(1, line - SNIPPET), min(len(lines), line + count - 1 + SNIPPET))


def _numbered(lines: Sequence[bytes], begin: int, end: int) -> bytes:
    return b"".join(b"%6d\t%s\n" % (number, line) for number, line in enumerate(lines[begin - 1 : end], begin))
