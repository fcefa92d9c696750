"""A sandbox's process namespace, seen from the host."""

import os
import signal
from contextlib import suppress

from mlgym_mcp.sandbox.process_identity import ProcessIdentity


def kill_members(init: ProcessIdentity) -> None:
    """Kill every process of the namespace whose process 1 this is; nothing where that has ended.

    The kernel does that when process 1 ends, but process 1 has to be scheduled to end: what runs inside can see to it
    that it is not, for a while.
    """
    with suppress(OSError):
        namespace = _namespace(init.pid)
        # Its number may be another process's by now, whose namespace is the host's: that would be everything.
        if not init.alive or namespace == _namespace(os.getpid()):
            return
        for name in os.listdir("/proc"):
            if name.isdigit():
                with suppress(OSError):
                    if _namespace(int(name)) == namespace:
                        os.kill(int(name), signal.SIGKILL)


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/pid")
