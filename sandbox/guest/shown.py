"""What is shown of files and folders: numbered lines, the surroundings of a change, a folder's entries."""

import itertools
import os
from typing import NamedTuple, Optional

from refusal import Refused

MAX_VIEW = 256 * 1024
MAX_LISTED = 1000
AROUND = 4
"""Lines shown before and after a change."""


class View(NamedTuple):
    kind: str
    data: bytes
    total_lines: int
    truncated: bool


def numbered(content: bytes, path: str, first: Optional[int], last: Optional[int]) -> View:
    """Lines with their numbers, of a range that must fit the file."""
    lines = content.splitlines()
    begin = 1 if first is None else first
    end = len(lines) if last is None or last == -1 else last
    if first is not None and not (1 <= begin <= max(1, len(lines)) and begin <= end):
        raise Refused(f"view_range [{first}, {last}] does not fit {path}, which has {len(lines)} lines")
    shown: list[bytes] = []
    size = 0
    for number, line in enumerate(lines[begin - 1 : end], begin):
        shown.append(b"%6d\t%s\n" % (number, line))
        size += len(shown[-1])
        if size > MAX_VIEW:
            return View("text", b"".join(shown)[:MAX_VIEW], len(lines), True)
    return View("text", b"".join(shown), len(lines), False)


def snippet(content: bytes, line: int, count: int) -> bytes:
    """`count` lines from `line` on, with some around them."""
    lines = content.splitlines()
    begin = max(1, line - AROUND)
    end = min(len(lines), line + count - 1 + AROUND)
    return b"".join(b"%6d\t%s\n" % (n, lines[n - 1]) for n in range(begin, end + 1))[:MAX_VIEW]


def listing(top: str, path: str) -> bytes:
    """What lies in a folder, two levels deep, hidden names left out."""
    try:
        os.listdir(top)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}") from None
    entries: list[bytes] = []
    for folder, folders, files in os.walk(top):
        depth = os.path.relpath(folder, top).count(os.sep) + (folder != top)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < 2 else []
        names = [f"{name}/" for name in folders] + (sorted(files) if depth < 2 else [])
        shown = itertools.islice((name for name in names if not name.startswith(".")), MAX_LISTED + 1)
        entries += [os.fsencode(os.path.relpath(folder, top) + "/" + name).removeprefix(b"./") for name in shown]
        if len(entries) > MAX_LISTED:
            return b"\n".join(sorted(entries[:MAX_LISTED])) + b"\n(more entries left out)\n"
    return b"\n".join(sorted(entries)) + b"\n" if entries else b"(empty folder)\n"
