"""A process that can be recognised later: its id alone may be given to another."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process id and the time at which that process was started, in clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """The identity of a process that lives now."""
        with suppress(OSError, ValueError, IndexError):
            # The name may hold anything, a closing bracket included: the fields follow the last one.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                return cls(pid, int(fields[19]))
        return None

    @property
    def alive(self) -> bool:
        """Whether this very process still lives."""
        return ProcessIdentity.of(self.pid) == self

    def kill(self) -> None:
        """End it with SIGKILL, unless it has ended."""
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.alive:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)
