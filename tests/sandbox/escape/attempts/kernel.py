"""The kernel: what it tells, what it can be told, and the parts of it that a sandbox has no business with."""

import ctypes
import fcntl
import itertools
import mmap
import os
import platform
import pty
from pathlib import Path

from .system_calls import call, raw
from .table import attempt, succeeds

TIOCSTI = 0x5412
INT_80 = bytes.fromhex("b814000000cd80c3")
"""`getpid` of the 32-bit ABI: mov eax, 20; int 0x80; ret."""
X32 = 0x40000000


def writable(top: str) -> list[str]:
    """Files below a folder that can be opened to be written to."""
    found = []
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and os.access(path, os.W_OK):
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    continue
                found.append(path)
    return found


@attempt("a setting of the kernel can be written")
def settings() -> object:
    return writable("/proc/sys")


@attempt("a file of sysfs or of a cgroup can be written")
def sysfs() -> object:
    if os.path.ismount("/sys") and not os.statvfs("/sys").f_flag & os.ST_RDONLY:
        return "/sys"
    return [path for top in ("fs", "kernel", "power", "firmware", "bus") for path in writable(f"/sys/{top}")]


@attempt("the keys of sysrq can be pressed")
def sysrq() -> object:
    return Path("/proc/sysrq-trigger").write_text("h") or True


@attempt("a group can be made below the cgroup")
def cgroup() -> object:
    return [folder for folder in Path("/sys/fs/cgroup").glob("*/") if succeeds((folder / "inner").mkdir)]


@attempt("a cgroup tells whom to run at its end")
def release_agent() -> object:
    for path in Path("/sys/fs/cgroup").rglob("release_agent"):
        path.write_text("/bin/true")
        return path
    return None


@attempt("addresses of the kernel are told")
def addresses() -> object:
    with open("/proc/kallsyms") as file:
        return [line for line in itertools.islice(file, 2000) if int(line.split()[0], 16)][:3]


@attempt("the kernel's memory can be read")
def memory() -> object:
    for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kpageflags", "/proc/vmallocinfo"):
        try:
            with open(path, "rb") as file:
                if file.read(1):
                    return path
        except OSError:
            continue
    return None


@attempt("the kernel's log can be read")
def log() -> object:
    for path in ("/dev/kmsg", "/proc/kmsg"):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            return path
        except OSError:
            continue
    return call("syslog", 3, ctypes.create_string_buffer(100), 100)


@attempt("the kernel tells of everybody's timers, tasks or keys")
def debugging() -> object:
    told = []
    for name in ("timer_list", "sched_debug", "keys", "latency_stats", "slabinfo"):
        try:
            told += [name] if Path("/proc", name).read_bytes() else []
        except OSError:
            continue
    return told


@attempt("another kernel can be loaded")
def kexec() -> object:
    return call("kexec_load", 0, 0, 0, 0) == 0


@attempt("a program can be given to the kernel")
def bpf() -> object:
    return call("bpf", 0, ctypes.create_string_buffer(128), 128)


@attempt("performance counters can be opened")
def perf() -> object:
    return call("perf_event_open", ctypes.create_string_buffer(b"\1\0\0\0\x70", 128), 0, -1, -1, 0)


@attempt("page faults can be held up")
def userfaultfd() -> object:
    return call("userfaultfd", 1)


@attempt("io_uring makes calls that no filter sees")
def io_uring() -> object:
    return call("io_uring_setup", 8, ctypes.create_string_buffer(120))


@attempt("all files of a disk are watched")
def fanotify() -> object:
    return call("fanotify_init", 0x200, 0)


@attempt("a keyring can be made, joined or asked")
def keyrings() -> object:
    ways = (
        ("add_key", (b"user", b"name", b"value", 5, -3)),
        ("keyctl", (1, b"joined")),
        ("keyctl", (0, -4, 1)),
        ("request_key", (b"user", b"name", b"info", -3)),
    )
    return [name for name, arguments in ways if succeeds(call, name, *arguments)]


@attempt("memory of System V outlives its processes")
def system_v() -> object:
    ways = (("shmget", (0, 4096, 0o1600)), ("msgget", (0, 0o1600)), ("semget", (0, 1, 0o1600)))
    return [name for name, arguments in ways if succeeds(call, name, *arguments)]


@attempt("memory can be laid out as for a program that is easier to attack")
def personality() -> object:
    return call("personality", 0x0040000) >= 0


@attempt("keys can be typed into a terminal")
def terminal() -> object:
    _, terminal = pty.openpty()
    fcntl.ioctl(terminal, TIOCSTI, b"x")
    return True


@attempt("calls of the 32-bit ABI go through")
def old_abi() -> object:
    if platform.machine() != "x86_64":
        return None
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(INT_80)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return function()


@attempt("calls of the x32 ABI go through")
def x32() -> object:
    return raw(X32 + 39) if platform.machine() == "x86_64" else None


@attempt("calls that are newer than the list go through")
def newer() -> object:
    went = []
    for name in ("statmount", "listmount", "open_tree_attr"):
        try:
            call(name, 0, 0, 0, 0, 0)
            went.append(name)
        except OSError as error:
            if error.errno != 38:
                went.append(f"{name}: {error}")
    return went
