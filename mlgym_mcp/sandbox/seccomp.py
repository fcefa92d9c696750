"""A seccomp filter for bubblewrap, which has none of its own: a deny list as classic BPF.

It closes what an unprivileged process has no business with and the kernel's history of privilege escalations is full
of: new namespaces, mounts, tracing other processes, keyrings, BPF, io_uring, kernel modules. Threads, subprocesses
and everything that numerical Python needs still work.
"""

import platform
import struct
from collections.abc import Mapping

ALLOW = 0x7FFF0000
EPERM = 0x00050000 | 1
ENOSYS = 0x00050000 | 38
KILL = 0x80000000

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
X32 = 0x40000000

COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "clone3": 435,
}  # fmt: skip
DENIED: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "ptrace": 101, "syslog": 103, "personality": 135, "pivot_root": 155, "acct": 163, "mount": 165, "umount2": 166,
        "swapon": 167, "swapoff": 168, "reboot": 169, "init_module": 175, "delete_module": 176, "quotactl": 179,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "chroot": 161,
    },
    "aarch64": {
        "ptrace": 117, "syslog": 116, "personality": 92, "pivot_root": 41, "acct": 89, "mount": 40, "umount2": 39,
        "swapon": 224, "swapoff": 225, "reboot": 142, "init_module": 105, "delete_module": 106, "quotactl": 60,
        "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "finit_module": 273,
        "kexec_file_load": 294, "bpf": 280, "userfaultfd": 282, "chroot": 51,
    },
}  # fmt: skip
AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
PRLIMIT = {"x86_64": 302, "aarch64": 261}


def bpf_filter(machine: str = "") -> bytes | None:
    """The filter as `bwrap --seccomp` reads it; None for a machine whose system call numbers are not known here."""
    machine = machine or platform.machine()
    if machine not in DENIED:
        return None
    program = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_EQUAL, AUDIT_ARCHITECTURE[machine], 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        _step(JUMP_AT_LEAST, X32, 0, 1),
        _step(RETURN, ENOSYS),
        # glibc falls back to clone, whose flags can be looked at, when clone3 does not exist.
        _step(JUMP_EQUAL, COMMON["clone3"], 0, 1),
        _step(RETURN, ENOSYS),
        _step(JUMP_EQUAL, CLONE[machine], 0, 4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, NAMESPACE_FLAGS, 0, 1),
        _step(RETURN, EPERM),
        _step(RETURN, ALLOW),
        # A process may change its own limits, not the guest's.
        _step(JUMP_EQUAL, PRLIMIT[machine], 0, 4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_EQUAL, 0, 1, 0),
        _step(RETURN, EPERM),
        _step(RETURN, ALLOW),
    ]
    denied = [number for name, number in {**DENIED[machine], **COMMON}.items() if name != "clone3"]
    for left, number in zip(range(len(denied), 0, -1), denied, strict=True):
        program.append(_step(JUMP_EQUAL, number, left, 0))
    return b"".join([*program, _step(RETURN, ALLOW), _step(RETURN, EPERM)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
