"""Programs with piped input and output: the judge's and the contestant's runners.

Output is read only when it is asked for, so a program that prints without end fills a pipe, not the guest.
"""

import fcntl
import os
from typing import Callable, Optional

import processes
from loop import Loop
from pipe import PipeWriter
from refusal import Refused

CHUNK = 256 * 1024
PIPE_SIZE = 1024 * 1024
STDERR_KEPT = 16 * 1024
F_SETPIPE_SZ = 1031
MAX_PROGRAMS = 16

Received = Callable[[bytes], None]
Ended = Callable[[int, bytes], None]


class Program:
    """One program. `ended` is given the exit code (-N for signal N) and the end of what it wrote to stderr."""

    def __init__(self, loop: Loop, argv: list[str], env: dict[str, str]) -> None:
        self._loop = loop
        stdin, writer = _pipe()
        self._stdout, stdout = _pipe()
        self._stderr, stderr = _pipe()
        try:
            self.pid = processes.spawn(argv, env, {0: stdin, 1: stdout, 2: stderr})
        except OSError as error:
            for fd in (writer, self._stdout, self._stderr):
                os.close(fd)
            raise Refused(f"{argv[0]} can't be started: {error.strerror}") from None
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
        self.exit_code: Optional[int] = None
        self._errors = bytearray()
        self._receiver: Optional[Received] = None
        self._ended: Optional[Ended] = None
        self._stdin = PipeWriter(loop, writer)
        os.set_blocking(self._stdout, False)
        os.set_blocking(self._stderr, False)
        loop.watch(self._stderr, self._read_stderr)
        loop.on_exit(self.pid, self._exited)

    def send(self, data: bytes, sent: Callable[[], None]) -> None:
        """Write to its input; `sent` is called once it has taken all of it, or is gone."""
        self._stdin.write(data, sent)

    def receive(self, received: Received) -> None:
        """Give `received` what it printed next, as soon as there is any; no bytes: its output has ended."""
        self._receiver = received
        self._loop.watch(self._stdout, self._read_stdout)

    def close(self, ended: Ended, grace: float) -> None:
        """Close its input, let it end by itself for `grace` seconds, then end it and all that came from it."""
        self._ended = ended
        if grace <= 0:
            self._kill()
        self._stdin.abandon()
        if self.exit_code is not None:
            self._report()
        elif grace > 0:
            self._loop.later(grace, self._kill)

    def _kill(self) -> None:
        if self.exit_code is None:
            processes.signal_tree(self.pid, 9)

    def _read_stdout(self) -> None:
        try:
            data = os.read(self._stdout, CHUNK)
        except BlockingIOError:
            return
        self._loop.watch(self._stdout)
        receiver, self._receiver = self._receiver, None
        if receiver:
            receiver(data)

    def _read_stderr(self) -> None:
        try:
            data = os.read(self._stderr, 65536)
        except BlockingIOError:
            return
        self._errors += data
        del self._errors[:-STDERR_KEPT]
        if not data:
            self._loop.watch(self._stderr)

    def _exited(self, exit_code: int) -> None:
        self.exit_code = exit_code
        if self._ended:
            self._report()

    def _report(self) -> None:
        processes.signal_tree(self.pid, 9)
        self._read_stderr()
        receiver, self._receiver = self._receiver, None
        if receiver:
            receiver(b"")
        ended, self._ended = self._ended, None
        for fd in (self._stdout, self._stderr):
            self._loop.close(fd)
        if ended and self.exit_code is not None:
            ended(self.exit_code, bytes(self._errors))


class Programs:
    """The programs that run now, by number."""

    def __init__(self, loop: Loop, env: dict[str, str]) -> None:
        self._loop = loop
        self._env = env
        self._programs: dict[int, Program] = {}
        self._count = 0

    def start(self, argv: list[str], env: dict[str, str]) -> int:
        if len(self._programs) >= MAX_PROGRAMS:
            raise Refused(f"{MAX_PROGRAMS} programs are running already")
        self._count += 1
        self._programs[self._count] = Program(self._loop, argv, {**self._env, **env})
        return self._count

    def get(self, number: int) -> Program:
        if number not in self._programs:
            raise Refused(f"there is no program {number}")
        return self._programs[number]

    def close(self, number: int, ended: Ended, grace: float) -> None:
        program = self.get(number)
        del self._programs[number]
        program.close(ended, grace)


def _pipe() -> "tuple[int, int]":
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass  # an unprivileged user may be over the limit of pipe pages: the default size serves, slower
    return reader, writer
