"""A filter of system calls, which each guest lays over itself and all that comes from it: a deny list as classic BPF.

It closes what an unprivileged process has no business with and the kernel's history of privilege escalations is full
of: new namespaces, mounts, tracing other processes, keyrings, BPF, io_uring, kernel modules, sockets of rare families
(one of them, vsock, leads to the machine that this one may be a guest of), what would slow the guest down, memory that
outlives its processes, and every call that Linux has learned since. Threads, subprocesses and everything that
numerical Python needs still work. Under Docker it comes on top of the engine's own filter.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlgym_mcp.sandbox.calls import CALLS

ALLOW = 0x7FFF0000
ERROR = 0x00050000
KILL = 0x80000000
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
FIRST_UNKNOWN = 457
"""Calls from here on are newer than Linux 6.7, or have the numbers of the ABI x32: they don't exist."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
PRIO_USER, IOPRIO_USER = 2, 3
FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6 and netlink, which programs ask for the names of interfaces."""
GUEST = 1

AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

ABSENT = ("clone3", "shmget", "msgget", "semget")
"""Calls that don't exist. glibc falls back to clone, whose flags can be looked at. What System V keeps outlives the
processes that made it, and counts nowhere as theirs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """When a call is refused that is not always."""

    argument: int
    values: tuple[int, ...]
    test: int = EQUAL
    unless: bool = False
    """Refused unless the argument is one of the values."""
    error: int = EPERM


SOMETIMES: Mapping[str, tuple[Refusal, ...]] = {
    "clone": (Refusal(0, (NAMESPACE_FLAGS,), ANY_BIT),),
    # A process may change its own limits and what it gets of the machine, not the guest's.
    "prlimit64": (Refusal(0, (0,), unless=True),),
    "setpriority": (Refusal(0, (PRIO_USER,)), Refusal(1, (GUEST,))),
    "ioprio_set": (Refusal(0, (IOPRIO_USER,)), Refusal(1, (GUEST,))),
    "sched_setparam": (Refusal(0, (GUEST,)),),
    "sched_setscheduler": (Refusal(0, (GUEST,)),),
    "sched_setattr": (Refusal(0, (GUEST,)),),
    "sched_setaffinity": (Refusal(0, (GUEST,)),),
    "socket": (Refusal(0, FAMILIES, unless=True, error=EAFNOSUPPORT),),
    "ioctl": (Refusal(1, (TIOCSTI, TIOCLINUX)),),
}


def bpf_filters() -> dict[str, bytes]:
    """The filter for each machine (as `uname -m` says it) whose numbers of calls are known here."""
    return {machine: bpf_filter(machine) for machine in AUDIT_ARCHITECTURE}


def denied(machine: str) -> dict[str, int]:
    """The calls that are always denied, with their numbers."""
    return {name: number for name, number in CALLS[machine].items() if name not in SOMETIMES}


def bpf_filter(machine: str) -> bytes:
    """The filter for one machine."""
    program = [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, AUDIT_ARCHITECTURE[machine], 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        _step(AT_LEAST, FIRST_UNKNOWN, 0, 1),
        _step(RETURN, ERROR | ENOSYS),
    ]
    for name, refusals in SOMETIMES.items():
        steps = [step for refusal in refusals for step in _refuse(refusal)]
        program += [_step(EQUAL, CALLS[machine][name], 0, len(steps) + 1), *steps, _step(RETURN, ALLOW)]
    for name, number in denied(machine).items():
        error = ENOSYS if name in ABSENT else EPERM
        program += [_step(EQUAL, number, 0, 1), _step(RETURN, ERROR | error)]
    return b"".join([*program, _step(RETURN, ALLOW)])


def _refuse(refusal: Refusal) -> Iterator[bytes]:
    yield _step(LOAD, FIRST_ARGUMENT + 8 * refusal.argument)
    for left, value in zip(range(len(refusal.values), 0, -1), refusal.values, strict=True):
        if refusal.unless:
            yield _step(refusal.test, value, left, 0)
        else:
            yield _step(refusal.test, value, left - 1, int(left == 1))
    yield _step(RETURN, ERROR | refusal.error)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
