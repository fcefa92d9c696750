"""Processes: those of others, and what is left open in one's own."""

import os
import re
import resource
import signal
from pathlib import Path
from typing import Callable

from .system_calls import call
from .table import attempt, succeeds

OURS = re.compile(r"pipe:\[\d+\]|/dev/(null|zero|pts/\d+|tty)|/outputs/[^/]+\.log|/proc(/.*)?|/attempts(/.*)?")
PTRACE_SEIZE = 0x4206
WAYS: tuple[Callable[[int], object], ...] = (
    lambda pid: Path(f"/proc/{pid}/environ").read_bytes(),
    lambda pid: Path(f"/proc/{pid}/maps").read_bytes(),
    lambda pid: open(f"/proc/{pid}/mem", "rb").close(),
    lambda pid: os.listdir(f"/proc/{pid}/fd"),
    lambda pid: os.readlink(f"/proc/{pid}/cwd"),
    lambda pid: os.close(call("pidfd_getfd", call("pidfd_open", pid, 0), 0, 0)),
    lambda pid: call("ptrace", PTRACE_SEIZE, pid, 0, 0),
    lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)),
    lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    lambda pid: os.sched_setaffinity(pid, {0}),
    lambda pid: os.kill(pid, signal.SIGSTOP),
    lambda pid: os.kill(pid, signal.SIGKILL),
)


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


@attempt("a process is seen that does not come from process 1")
def strangers() -> object:
    parents = {}
    for pid in pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[pid] = int(fields[1])
    return [pid for pid, parent in parents.items() if pid != 1 and parent not in parents]


@attempt("a process of another user is seen")
def other_users() -> object:
    seen = []
    for pid in pids():
        try:
            if f"\nUid:\t{os.getuid()}\t" not in Path(f"/proc/{pid}/status").read_text():
                seen.append(pid)
        except OSError:
            continue
    return seen


@attempt("a process of another user can be looked into, limited or ended")
def others_reached() -> object:
    return [pid for pid in other_users() for way in WAYS if succeeds(way, pid)]


@attempt("a descriptor of the host is left open")
def descriptors() -> object:
    """In the command and in every process of ours: folders, sockets, files that nobody here has opened."""
    found = []
    for pid in pids():
        try:
            links = [(fd, os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        found += [(pid, fd, target) for fd, target in links if not OURS.fullmatch(target)]
    return found


@attempt("the folder or the root of a process leads elsewhere")
def elsewhere() -> object:
    root = os.stat("/")
    found = []
    for pid in pids():
        try:
            seen = os.stat(f"/proc/{pid}/root/")
            if (seen.st_dev, seen.st_ino) != (root.st_dev, root.st_ino):
                found.append((pid, "root"))
            if os.readlink(f"/proc/{pid}/cwd").startswith("(unreachable)"):
                found.append((pid, "cwd"))
        except OSError:
            continue
    return found


@attempt("what runs can be overwritten through its own link")
def executable() -> object:
    for pid in pids():
        try:
            os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))
            return pid
        except OSError:
            continue
    return None


@attempt("the interpreter, the guest or a library can be written")
def programs() -> object:
    found = []
    for path in ("/usr/bin/python3", "/bin/bash", "/run/guest/guest/__main__.py", "/etc/passwd", "/etc/ld.so.cache"):
        changes: tuple[Callable[[str], None], ...] = (
            lambda p: open(p, "ab").close(),
            lambda p: os.rename(p, p + ".old"),
            os.unlink,
        )
        for change in changes:
            try:
                change(path)
                found.append(path)
            except OSError:
                continue
    return found


@attempt("one is spared when memory runs out")
def spared() -> object:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return True


@attempt("one outranks the rest of the machine")
def priorities() -> object:
    changes: tuple[Callable[[], object], ...] = (
        lambda: os.setpriority(os.PRIO_PROCESS, 0, -1),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(99)),
    )
    return [number for number, change in enumerate(changes) if succeeds(change)]
