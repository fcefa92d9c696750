"""Processes, as the kernel tells of them."""

import ctypes
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def pss(process: Path) -> int:
    """Bytes of memory that a process (`/proc/PID`) has, shared pages in proportion; 0 when it is gone."""
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def malloced() -> int:
    """Bytes that glibc's allocator has handed out in this process and not got back; 0 without glibc ≥ 2.33."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return 0
    mallinfo2.restype = _MallInfo
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


def sqlite_memory() -> int:
    """Bytes that SQLite has of those: mostly pages of databases, up to 2 MiB for each open one."""
    used = ctypes.CDLL("libsqlite3.so.0").sqlite3_memory_used
    used.restype = ctypes.c_int64
    return int(used())


class _MallInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def open_files() -> int:
    """How many descriptors this process has."""
    return len(os.listdir(PROC / "self" / "fd"))


def mounts(folder: Path) -> int:
    """How many mounts this process sees within a folder."""
    return sum(f"{folder}/" in line for line in (PROC / "self" / "mounts").read_text().splitlines())


def named(parts: Iterable[str]) -> set[int]:
    """The processes whose command line holds one of these parts."""
    wanted = [part.encode() for part in parts]
    return {pid for pid in _all() if any(part in _command(pid) for part in wanted)}


def executables(names: Iterable[str]) -> set[int]:
    """The processes that run programs of these names."""
    wanted = {name.encode() for name in names}
    return {pid for pid in _all() if os.path.basename(_command(pid).partition(b"\0")[0]) in wanted}


def with_descendants(roots: set[int]) -> set[int]:
    """Processes, and all that came from them."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in _all():
        children[_parent(pid)].append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children[pid]
    return found


def _all() -> list[int]:
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit()]


def _command(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _parent(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
