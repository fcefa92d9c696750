"""Privileges: capabilities, other users, programs that give rights."""

import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from .system_calls import call, libc
from .table import attempt, succeeds

PR_CAPBSET_READ, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_SET_SECCOMP = 23, 38, 47, 22
CAP_LAST = 40
LINUX_CAPABILITY_VERSION_3 = 0x20080522


@attempt("a set of capabilities holds any")
def sets() -> object:
    lines = Path("/proc/self/status").read_text().splitlines()
    sets = [line.split() for line in lines if line.startswith("Cap")]
    return [(name, value) for name, value in sets if int(value, 16)]


@attempt("a capability is left that a program could be given")
def bounding() -> object:
    return [number for number in range(CAP_LAST + 1) if libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1]


@attempt("capabilities can be taken")
def capset() -> object:
    everything = struct.pack("6I", *([0xFFFFFFFF] * 6))
    return call("capset", struct.pack("Ii", LINUX_CAPABILITY_VERSION_3, 0), everything) == 0


@attempt("an ambient capability can be raised")
def ambient() -> object:
    return [number for number in range(CAP_LAST + 1) if libc.prctl(PR_CAP_AMBIENT, 2, number, 0, 0) == 0]


@attempt("new privileges can be had again")
def no_new_privileges() -> object:
    status = Path("/proc/self/status").read_text()
    return "NoNewPrivs:\t1" not in status or libc.prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0


@attempt("the filter of calls can be taken off")
def filter_off() -> object:
    return "Seccomp:\t2" not in Path("/proc/self/status").read_text() or libc.prctl(PR_SET_SECCOMP, 0, 0) == 0


@attempt("one becomes another user")
def other_user() -> object:
    changes: tuple[Callable[[], object], ...] = (
        lambda: os.setuid(0),
        lambda: os.setgid(0),
        lambda: os.setgroups([0]),
        lambda: os.setresuid(-1, 0, -1),
        lambda: os.setreuid(0, 0),
        lambda: os.setuid(65534),
    )
    became = [number for number, change in enumerate(changes) if succeeds(change)]
    return became or 0 in (*os.getresuid(), *os.getresgid())


@attempt("a file can be given away")
def chown() -> object:
    path = Path("/tmp/given")
    path.write_text("")
    os.chown(path, 0, -1)
    return True


@attempt("a file can be given capabilities")
def file_capabilities() -> object:
    path = Path("/tmp/capable")
    path.write_text("")
    os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0))
    return True


@attempt("a program of another user runs as that user")
def set_user_id() -> object:
    """Those that the system has would ask who one is; their ids are looked at while they do."""
    became: list[object] = []
    for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/lib/dbus-1.0"):
        for path in Path(folder).glob("*"):
            if path.is_file() and path.stat().st_mode & 0o6000 and not path.is_symlink():
                became += _ids_of(path)
    return became


@attempt("a program of one's own that asks for rights runs with others")
def own_set_user_id() -> object:
    for place in ("/workspace", "/tmp", "/dev/shm"):
        program = Path(place, "rights")
        program.write_bytes(Path("/usr/bin/id").read_bytes())
        try:
            program.chmod(0o6755)
            shown = subprocess.run([program, "-u"], capture_output=True, text=True, check=False)
        except OSError:
            continue
        finally:
            program.unlink()
        if shown.returncode == 0 and int(shown.stdout) != os.getuid():
            return shown.stdout
    return None


@attempt("files of root can be read")
def shadow() -> object:
    read = []
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.bashrc", "/proc/1/environ"):
        try:
            with open(path, "rb") as file:
                read += [path] if file.read(1) else []
        except OSError:
            continue
    return read


def _ids_of(program: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(
            [program, "--help"], stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            fields = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        finally:
            process.kill()
            process.wait()
    except OSError:
        return
    finally:
        os.close(reader)
        os.close(writer)
    ids = {line.split()[0]: line.split()[1:] for line in fields if line.startswith(("Uid", "Gid"))}
    if set(ids.get("Uid:", [])) - {str(os.getuid())} or set(ids.get("Gid:", [])) - {str(os.getgid())}:
        yield str(program), ids
