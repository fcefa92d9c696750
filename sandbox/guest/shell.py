"""One real bash that takes commands one after another and keeps directory, variables and functions between them.

bash reads a script from a pipe. Each command is one `eval` of a quoted string with redirections of its own; status and
exports come back on descriptor 201, which the command itself does not have. Whatever the command does to its own
output, to traps or to options, the line after it is ours. When the shell ends (`exit`, `set -e`, a signal) its exit
code is the command's.
"""

import os
import select
import time
from typing import Callable, Optional

import processes
from loop import Loop
from pipe import PipeWriter

SCRIPT_FD = 200
STATUS_FD = 201
MAX_DIGITS = 3
"""Of an exit code."""
MAX_STATUS = 1024 * 1024
"""Bytes of one status record (mostly exports) above which the shell is taken to have gone mad."""

REPORT_LIMIT = 0.2
"""Seconds to wait for what a shell still reports of its last command; it takes microseconds unless it is obstructed."""

Finished = Callable[[int, bool], None]
"""Called with a command's exit code, and whether the shell ended with it."""

REPORT = f"""\\builtin printf '%d\\0' "$?" >&{STATUS_FD}
\\builtin export -p >&{STATUS_FD}
\\builtin printf '\\0' >&{STATUS_FD}
"""
"""Each with a redirection of its own: what a DEBUG trap prints between them goes elsewhere."""


class Carried:
    """What a fresh shell takes over from the one before it: the directory and the exported variables."""

    def __init__(self, cwd: str) -> None:
        self.home = cwd
        self.cwd = cwd
        self.exports = b""

    def copy(self) -> "Carried":
        twin = Carried(self.home)
        twin.cwd, twin.exports = self.cwd, self.exports
        return twin


class Shell:
    """A bash process in a session of its own. Runs one command at a time."""

    def __init__(self, loop: Loop, env: dict[str, str], carried: Carried, ulimits: str, stdin: int) -> None:
        self._loop = loop
        self._carried = carried
        self._finished: Optional[Finished] = None
        self._record = bytearray()
        self._reporting = False
        script_reader, script_writer = os.pipe()
        self._status, status_writer = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        argv = ["/bin/bash", "--noprofile", "--norc", f"/dev/fd/{SCRIPT_FD}"]
        try:
            inherited = {0: stdin, 1: null, 2: null, SCRIPT_FD: script_reader, STATUS_FD: status_writer}
            self.pid = processes.spawn(argv, env, inherited)
        except OSError:
            os.close(script_writer)
            os.close(self._status)
            raise
        finally:
            for fd in (script_reader, status_writer, null):
                os.close(fd)
        os.set_blocking(self._status, False)
        self.alive = True
        self._script = PipeWriter(loop, script_writer)
        loop.watch(self._status, self._read_status)
        loop.on_exit(self.pid, self._ended)
        self._script.write(f"exec {SCRIPT_FD}<&-; ulimit -c 0 {ulimits}\n".encode() + _restore(carried))

    def run(self, command: bytes, output: str, *, empty_stdin: bool, finished: Finished) -> None:
        """Run a command, its output appended to the file `output`."""
        self._finished = finished
        stdin = b"</dev/null " if empty_stdin else b""
        redirections = stdin + b">>" + output.encode() + f" 2>&1 {STATUS_FD}>&-\n".encode()
        self._script.write(b"{ \\builtin eval " + _quote(command) + b"\n} " + redirections + REPORT.encode())

    def settle(self) -> None:
        """Take the exports of the last command, whose status was told before them."""
        until = time.monotonic() + REPORT_LIMIT
        while self._reporting and time.monotonic() < until:
            select.select([self._status], [], [], REPORT_LIMIT)
            self._read_status()

    def detach(self) -> None:
        """Keep what this shell does from now on out of what the next one takes over."""
        self._carried = self._carried.copy()

    def close(self) -> None:
        """Let the shell end; what it left in the background lives on."""
        self._script.close()

    def signal(self, number: int) -> processes.Family:
        """Signal the shell and everything that came from it; the processes found."""
        return processes.signal_tree(self.pid, number)

    def _read_status(self) -> None:
        try:
            data = os.read(self._status, 65536)
        except BlockingIOError:
            return
        if not data:
            return self._loop.watch(self._status)
        self._record += data
        *parts, rest = bytes(self._record).split(b"\0")
        self._record[:] = rest
        for part in parts:
            # Told apart by their form, not their order: the command can write to its own shell's descriptors.
            if part.isdigit() and len(part) <= MAX_DIGITS:
                self._reporting = True
                self._carried.cwd = self._directory() or self._carried.cwd
                self._finish(int(part), ended=False)
            else:
                self._reporting = False
                self._carried.exports = part
        if len(self._record) > MAX_STATUS:
            self.signal(9)

    def _directory(self) -> Optional[str]:
        # $PWD is the agent's to set; the kernel knows better.
        try:
            return os.readlink(f"/proc/{self.pid}/cwd")
        except OSError:
            return None

    def _ended(self, exit_code: int) -> None:
        self._read_status()
        self.alive = self._reporting = False
        self._loop.close(self._status)
        self._script.abandon()
        self._carried = Carried(self._carried.home)  # a job remembers its shell, not a megabyte of exports
        self._finish(exit_code, ended=True)

    def _finish(self, exit_code: int, *, ended: bool) -> None:
        finished, self._finished = self._finished, None
        if finished:
            finished(exit_code, ended)


def _restore(carried: Carried) -> bytes:
    cwd = _quote(carried.cwd.encode("utf-8", "surrogateescape"))
    return b"eval " + _quote(carried.exports) + b"\ncd -- " + cwd + b" || cd " + _quote(carried.home.encode()) + b"\n"


def _quote(text: bytes) -> bytes:
    return b"'" + text.replace(b"'", b"'\"'\"'") + b"'"
