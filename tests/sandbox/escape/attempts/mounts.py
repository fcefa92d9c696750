"""Mounts: making and changing them, and what is mounted."""

import ctypes
import os
import re
from collections.abc import Iterator

from .system_calls import call
from .table import attempt, succeeds

MS_REMOUNT, MS_BIND, MS_PRIVATE = 32, 4096, 1 << 18
AT_FDCWD = -100
EXPECTED = re.compile(
    r"/|/(usr|etc|bin|sbin|lib|lib32|lib64|proc|dev|sys)(/.*)?"
    r"|/(tmp|workspace|outputs|env|attempts|run/guest|run/socket)"
)
"""Where a sandbox has mounts: the system's, its own, and what it was given."""
OWN = ("/workspace", "/outputs", "/tmp", "/dev/shm")
IN_MEMORY = {"proc", "tmpfs", "devtmpfs", "devpts", "mqueue"}


@attempt("something can be mounted")
def mount() -> object:
    for source, target, kind, flags in (
        (b"none", b"/tmp", b"tmpfs", 0),
        (b"/usr", b"/tmp", None, MS_BIND),
        (b"proc", b"/proc", b"proc", 0),
        (b"/dev/vda", b"/tmp", b"ext4", 0),
        (b"none", b"/", None, MS_PRIVATE),
        (b"overlay", b"/tmp", b"overlay", 0),
    ):
        try:
            call("mount", source, target, kind, flags, None)
            return target, kind, flags
        except OSError:
            continue
    return None


@attempt("the system can be made writable")
def remount() -> object:
    for target in (b"/", b"/usr/bin", b"/proc/sys", b"/run/guest", b"/sys/fs/cgroup"):
        try:
            call("mount", b"none", target, None, MS_REMOUNT | MS_BIND, None)
            return target
        except OSError:
            continue
    return None


@attempt("what hides something can be unmounted")
def unmount() -> object:
    for target in (b"/proc/sys", b"/proc", b"/sys", b"/dev", b"/workspace", b"/"):
        for flags in (0, 2):
            try:
                call("umount2", target, flags)
                return target
            except OSError:
                continue
    return None


@attempt("the root can be exchanged")
def pivot_root() -> object:
    return call("pivot_root", b"/tmp", b"/tmp") == 0


@attempt("the root can be changed")
def chroot() -> object:
    os.chroot("/tmp")
    return True


@attempt("a tree can be opened, moved or changed")
def trees() -> object:
    ways = (
        ("open_tree", (AT_FDCWD, b"/", 1)),
        ("open_tree", (AT_FDCWD, b"/usr", 0)),
        ("fspick", (AT_FDCWD, b"/", 0)),
        ("fsopen", (b"tmpfs", 0)),
        ("mount_setattr", (AT_FDCWD, b"/", 0, ctypes.create_string_buffer(32), 32)),
        ("move_mount", (AT_FDCWD, b"/tmp", AT_FDCWD, b"/workspace", 0)),
    )
    return [name for name, arguments in ways if succeeds(call, name, *arguments)]


@attempt("a file can be opened by its handle, past all folders")
def handles() -> object:
    # A handle of ext4: 8 bytes, kind 1 (number and generation of the inode), the root's number.
    handle = (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(8, "little")
    for place in ("/workspace", "/run/guest", "/usr/bin"):
        folder = os.open(place, os.O_RDONLY)
        try:
            return call("open_by_handle_at", folder, ctypes.create_string_buffer(handle, 16), os.O_RDONLY)
        except OSError:
            continue
    return None


@attempt("a folder of the host is mounted that is not on the list")
def strangers() -> object:
    return [target for target, *_ in _mounts() if not EXPECTED.fullmatch(target)]


@attempt("a disk of the host is mounted to be written to")
def written() -> object:
    found = []
    for target, options, kind, *_ in _mounts():
        shut = target == "/run/socket" and not os.access(target, os.W_OK)
        if "rw" in options and kind not in IN_MEMORY and target not in OWN and not shut:
            found.append((target, kind))
    return found


@attempt("what is written can be a device or a program with rights")
def rights() -> object:
    unsafe = []
    for place in OWN:
        flags = os.statvfs(place).f_flag
        if not (flags & os.ST_NOSUID and flags & os.ST_NODEV):
            unsafe.append(place)
    return unsafe


@attempt("a file of the system can be had under another name")
def hard_links() -> object:
    return [place for place in OWN if succeeds(os.link, "/usr/bin/env", f"{place}/linked")]


def _mounts() -> Iterator[tuple[str, list[str], str]]:
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            fields = left.split()
            yield fields[4], fields[5].split(","), right.split()[0]
