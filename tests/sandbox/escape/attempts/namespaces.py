"""Namespaces: new ones, and others' ones."""

import ctypes
import os
import signal
import struct
from typing import Callable

from .system_calls import call
from .table import attempt, succeeds

FLAGS = {
    "mount": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000,
    "pid": 0x20000000, "net": 0x40000000,
}  # fmt: skip
NEW_TIME = 0x80
"""Only for `unshare` and `clone3`: for `clone` it is a signal."""


@attempt("a namespace can be unshared")
def unshare() -> object:
    return _those_made(lambda flag: call("unshare", flag), {**FLAGS, "time": NEW_TIME})


@attempt("a process can be cloned into a namespace")
def clone() -> object:
    return _those_made(lambda flag: _child(call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)), FLAGS)


@attempt("a user namespace gives the rights for the others")
def clone_of_all() -> object:
    return _those_made(
        lambda flag: _child(call("clone", FLAGS["user"] | flag | signal.SIGCHLD, 0, 0, 0, 0)), {**FLAGS, "none": 0}
    )


@attempt("a process can be cloned by clone3, whose flags no filter sees")
def clone3() -> object:
    def made(flag: int) -> int:
        arguments = struct.pack("8Q", flag, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
        return _child(call("clone3", ctypes.create_string_buffer(arguments, 64), 64))

    return _those_made(made, {**FLAGS, "time": NEW_TIME, "none": 0})


@attempt("a namespace can be entered")
def setns() -> object:
    entered = []
    for process in ("self", "1"):
        for name in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"):
            try:
                with open(f"/proc/{process}/ns/{name}") as namespace:
                    call("setns", namespace.fileno(), 0)
                entered.append((process, name))
            except OSError:
                continue
    return entered


def _those_made(make: Callable[[int], int], flags: dict[str, int]) -> list[str]:
    return [name for name, flag in flags.items() if succeeds(make, flag)]


def _child(pid: int) -> int:
    if pid == 0:
        os._exit(0)
    return pid
