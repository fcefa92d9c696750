"""The guest, process 1: to be traced, read, slowed down, limited, or spoken to in the host's place."""

import ctypes
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from .system_calls import call
from .table import attempt, succeeds

GUEST = 1
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
RLIMIT_NOFILE = 7
SECRETS = ("environ", "mem", "maps", "auxv", "stack", "syscall", "io", "pagemap", "smaps", "personality")
LINKS = ("exe", "cwd", "root", "ns/user")
SETTINGS = ("oom_score_adj", "oom_adj", "coredump_filter", "comm", "clear_refs", "timerslack_ns", "setgroups")


@attempt("the guest's memory can be looked at through proc")
def secrets() -> object:
    read: list[object] = []
    for name in SECRETS:
        try:
            with open(f"/proc/{GUEST}/{name}", "rb") as file:
                read += [name] if file.read(1) else []
        except OSError:
            continue
    for name in LINKS:
        try:
            read.append((name, os.readlink(f"/proc/{GUEST}/{name}")))
        except OSError:
            continue
    return read


@attempt("the guest's descriptors can be listed or taken")
def descriptors() -> object:
    for folder in ("fd", "fdinfo", "map_files", "task/1/fd"):
        try:
            return folder, os.listdir(f"/proc/{GUEST}/{folder}")
        except OSError:
            continue
    guest = call("pidfd_open", GUEST, 0)
    return [fd for fd in range(32) if _taken(guest, fd)]


@attempt("the guest's own settings in proc can be written")
def settings() -> object:
    return [name for name in SETTINGS if succeeds(Path(f"/proc/{GUEST}/{name}").write_text, "1")]


@attempt("the guest can be traced")
def trace() -> object:
    return [way for way in (PTRACE_ATTACH, PTRACE_SEIZE) if succeeds(call, "ptrace", way, GUEST, 0, 0)]


@attempt("any process can be traced, read or compared")
def trace_others() -> object:
    parent = os.getppid()
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    return [
        name
        for name, arguments in (
            ("ptrace", (PTRACE_SEIZE, parent, 0, 0)),
            ("ptrace", (0, 0, 0, 0)),
            ("process_vm_readv", (os.getpid(), vector, 1, vector, 1, 0)),
            ("kcmp", (os.getpid(), parent, 0, 0, 0)),
            ("pidfd_getfd", (call("pidfd_open", parent, 0), 0, 0)),
        )
        if succeeds(call, name, *arguments)
    ]


@attempt("the guest can be limited, slowed down or bound to one CPU")
def slowed() -> object:
    limits = (ctypes.c_uint64 * 2)(3, 3)
    zero = ctypes.c_int(0)
    return [
        (name, *arguments[:2])
        for name, arguments in (
            ("prlimit64", (GUEST, RLIMIT_NOFILE, limits, None)),
            ("prlimit64", (GUEST, RLIMIT_NOFILE, None, limits)),
            ("setpriority", (os.PRIO_PROCESS, GUEST, 19)),
            ("setpriority", (os.PRIO_PGRP, GUEST, 19)),
            ("setpriority", (os.PRIO_USER, 0, 19)),
            ("setpriority", (os.PRIO_USER, os.getuid(), 19)),
            ("sched_setscheduler", (GUEST, os.SCHED_IDLE, ctypes.byref(zero))),
            ("sched_setaffinity", (GUEST, 8, ctypes.byref(ctypes.c_uint64(1)))),
            ("ioprio_set", (1, GUEST, 3 << 13)),
            ("ioprio_set", (3, os.getuid(), 3 << 13)),
        )
        if succeeds(call, name, *arguments)
    ]


@attempt("a socket is found that answers strangers")
def sockets() -> object:
    answered = []
    for address in _addresses():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            try:
                sock.connect(address)
                sock.sendall(b"\0\0\0\x0c\0\0\0\0" + b'{"op":"jobs"}'[:12])
                answered += [address] if sock.recv(1) else []
            except OSError:
                continue
    return answered


@attempt("the guest's files can be changed or joined by others")
def modules() -> object:
    changed = []
    for folder in ("/run/guest", "/run/guest/guest", "/run/socket", "/run"):
        for change in (lambda f: Path(f, "new").write_text(""), lambda f: os.rename(f, f + ".old"), os.rmdir):
            try:
                change(folder)
                changed.append(folder)
            except OSError:
                continue
    return changed


def _addresses() -> Iterator[str]:
    """All sockets that can be found here: by name, and in every folder."""
    with open("/proc/net/unix") as file:
        names = {line.split()[-1] for line in list(file)[1:] if len(line.split()) == 8}
    yield from sorted("\0" + name[1:] if name.startswith("@") else name for name in names)
    for top in ("/run", "/var", "/tmp", "/dev", "/mnt", "/home"):
        for folder, _, files in os.walk(top):
            for path in (os.path.join(folder, name) for name in files):
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    yield path


def _taken(guest: int, fd: int) -> bool:
    return succeeds(call, "pidfd_getfd", guest, fd, 0)
