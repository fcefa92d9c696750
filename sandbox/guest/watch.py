"""Limits kept by looking, where the kernel was not told to keep them: memory and disk.

Used only where the backend has no cgroup or no disk of a fixed size; `doctor` says where.
"""

import os
import time
from typing import Optional

import processes
from jobs import Jobs
from loop import Loop

INTERVAL = 1.0
PAGE = os.sysconf("SC_PAGE_SIZE")
EFFORT = 10
"""A look that took t seconds is followed by a rest of at least this many times t."""


class Watch:
    """Looks every second or so while anything runs; stops what exceeds a limit, and says so in its job."""

    def __init__(self, loop: Loop, jobs: Jobs, memory: Optional[int], disk: Optional[int], folders: list[str]) -> None:
        self._loop = loop
        self._jobs = jobs
        self._memory = memory
        self._disk = disk
        self._folders = folders
        if memory or disk:
            loop.later(INTERVAL, self._look)

    def _look(self) -> None:
        began = time.monotonic()
        pids = processes.living()
        if pids and self._memory:
            self._check_memory(pids, self._memory)
        if pids and self._disk and _disk_use(self._folders) > self._disk:
            self._stop_all("disk")
        self._loop.later(max(INTERVAL, EFFORT * (time.monotonic() - began)), self._look)

    def _check_memory(self, pids: list[int], limit: int) -> None:
        sizes: dict[int, int] = {pid: _proportional_size(pid) for pid in pids}
        if sum(sizes.values()) + _memory_files() > limit:
            self._stop_all("memory")

    def _stop_all(self, reason: str) -> None:
        for job in self._jobs.running:
            job.stopped = job.stopped or reason
        try:
            os.kill(-1, 9)
        except OSError:
            pass


def _proportional_size(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        # A process that made itself not dumpable hides the exact figure, not this one, which counts shared pages fully.
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _memory_files() -> int:
    total = 0
    for folder in ("/tmp", "/dev/shm"):
        info = os.statvfs(folder)
        total += (info.f_blocks - info.f_bfree) * info.f_frsize
    return total


def _disk_use(folders: list[str]) -> int:
    total = 0
    for top in folders:
        for folder, _, names in os.walk(top):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    continue
    return total
