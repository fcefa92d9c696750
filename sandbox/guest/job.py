"""One job: a command, its output in a file of its own, and who waits for its end."""

import os
import stat
import time
from typing import Any, Callable, Optional

from loop import Loop, Timer
from pipe import PipeWriter
from refusal import Refused
from shell import Shell

SHOWN = 200
"""Bytes of a command that are kept, to tell jobs apart."""

Report = Callable[["Job"], None]


class Job:
    """A command, running or done."""

    def __init__(self, name: str, command: bytes, output: str, fd: int) -> None:
        self.name = name
        self.command = command[:SHOWN]
        self.output = output
        self.started = time.monotonic()
        self.seconds = 0.0
        self.exit_code: Optional[int] = None
        self.stopped: Optional[str] = None
        self.kills_before = 0
        """How many processes a full memory had cost when it was started, as far as anybody had been told."""
        self.shell_lost = False
        self.shell: Optional[Shell] = None
        self.stdin: Optional[PipeWriter] = None
        self.timers: list[Timer] = []
        self.fd: Optional[int] = fd
        self._waiting: list[Callable[[], None]] = []

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def when_done(self, loop: Loop, wait: float, report: Report) -> None:
        """Call `report` once: when the job has ended, or after `wait` seconds."""
        if not self.running or wait <= 0:
            return report(self)
        timer: list[Timer] = []

        def once() -> None:
            timer[0].cancel()
            if once in self._waiting:
                self._waiting.remove(once)
                report(self)

        self._waiting.append(once)
        timer.append(loop.later(wait, once))

    def finish(self, exit_code: int, shell_lost: bool) -> None:
        self.seconds = time.monotonic() - self.started
        self.exit_code = exit_code
        self.shell_lost = shell_lost
        if self.stdin:
            self.stdin.abandon()
        for timer in self.timers:
            timer.cancel()
        for report in list(self._waiting):
            report()

    def discard(self) -> None:
        """Leave nothing of a job whose shell could not be started."""
        if self.stdin:
            self.stdin.abandon()
        if self.fd is not None:
            os.close(self.fd)
            os.unlink(self.output)

    def close_output(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def read(self, offset: int, length: int) -> bytes:
        fd = self.fd if self.fd is not None else _reopen(self.output)
        try:
            return os.pread(fd, length, offset)
        except OSError as error:
            raise Refused(f"the output in {self.output} can't be read: {error.strerror}") from None
        finally:
            if self.fd is None:
                os.close(fd)

    def size(self) -> int:
        try:
            return os.fstat(self.fd).st_size if self.fd is not None else os.lstat(self.output).st_size
        except OSError:
            return 0


def describe(job: Job, offset: int) -> dict[str, Any]:
    """A job's state, without its output; sizes in bytes, times in seconds."""
    return {
        "job": job.name,
        "running": job.running,
        "exit": job.exit_code,
        "size": job.size(),
        "path": job.output,
        "seconds": job.seconds if not job.running else time.monotonic() - job.started,
        "stopped": job.stopped,
        "shell_lost": job.shell_lost,
        "offset": offset,
    }


def _reopen(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"the output in {path} can't be read any more: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Refused(f"{path} is no regular file any more")
    return fd
