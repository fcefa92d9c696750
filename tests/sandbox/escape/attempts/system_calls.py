"""System calls by name, without a compiler."""

import ctypes
import os
import platform
from typing import Any

NUMBERS = {
    # name: (x86_64, aarch64)
    "add_key": (248, 217), "bpf": (321, 280), "capset": (126, 91), "clone": (56, 220), "clone3": (435, 435),
    "fanotify_init": (300, 262), "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "io_uring_setup": (425, 425), "ioprio_set": (251, 30), "kcmp": (312, 272),
    "kexec_load": (246, 104), "keyctl": (250, 219), "listmount": (458, 458), "mbind": (237, 235),
    "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429), "msgget": (68, 186),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pivot_root": (155, 41), "prlimit64": (302, 261), "process_vm_readv": (310, 270),
    "ptrace": (101, 117), "request_key": (249, 218), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "semget": (64, 190), "setns": (308, 268), "setpriority": (141, 140),
    "shmget": (29, 194), "statmount": (457, 457), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39),
    "unshare": (272, 97), "userfaultfd": (323, 282),
}  # fmt: skip
COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine())

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> int:
    """Make a call; its result, which is not negative.

    Raises:
        OSError: the kernel refused.
    """
    if COLUMN is None:
        raise OSError("the numbers of this machine's calls are not known")
    return raw(NUMBERS[name][COLUMN], *arguments)


def raw(number: int, *arguments: Any) -> int:
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
