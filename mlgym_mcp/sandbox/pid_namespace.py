"""A sandbox's process namespace, seen from the host."""

import os
import signal
from contextlib import suppress


def kill_members(init: int) -> None:
    """Kill every process of the namespace that a process is in.

    The kernel does that when process 1 ends, but process 1 has to be scheduled to end: what runs inside can see to it
    that it is not, for a while.
    """
    with suppress(OSError):
        namespace = _namespace(init)
        for name in os.listdir("/proc"):
            if name.isdigit():
                with suppress(OSError):
                    if _namespace(int(name)) == namespace:
                        os.kill(int(name), signal.SIGKILL)


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/pid")
