"""Jobs: every command is one. Its output goes to a file of its own; it is waited for, followed, fed and ended."""

import os
from collections import deque
from typing import Optional

import processes
from job import Job, Report
from loop import Loop
from memory_kills import MemoryKills
from pipe import PipeWriter
from refusal import Refused
from shell import Carried, Shell

TERM_GRACE = 2.0
"""Seconds between asking a command to end and ending it."""
MAX_RUNNING = 64
MAX_REMEMBERED = 2000
MAX_LISTED = 100
KEPT_OPEN = 16
"""Ended jobs whose output is still open; that of older ones is opened again when it is asked for."""
EDGE = 32_000
"""Bytes of output reported from its beginning, and as many from its end."""
SPARE_OUTPUTS = ("/tmp", "/dev/shm")
"""Where output goes when a full disk takes no new file: or the agent could run nothing that frees it."""
MAX_INPUT = 8 * 1024 * 1024


class Jobs:
    """All commands of a sandbox, and the shell in which foreground ones run."""

    def __init__(self, loop: Loop, env: dict[str, str], workspace: str, outputs: str, ulimits: str) -> None:
        self._loop = loop
        self._env = env
        self._outputs = outputs
        self._ulimits = ulimits
        self._carried = Carried(workspace)
        self._shell: Optional[Shell] = None
        self._foreground: Optional[Job] = None
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, Job] = {}
        self._ended: deque[Job] = deque()
        self._count = 0
        self._by_key: dict[str, Job] = {}
        self._memory_kills = MemoryKills()
        self._kills_seen = 0

    @property
    def running(self) -> list[Job]:
        return list(self._running.values())

    @property
    def cwd(self) -> str:
        return self._carried.cwd

    @property
    def carried(self) -> Carried:
        """What the shell would hand on to a fresh one."""
        if self._shell:
            self._shell.settle()
        return self._carried

    def carry(self, cwd: str, exports: bytes) -> None:
        """Let the first shell begin with what another has handed on."""
        if self._count:
            raise Refused("there was a shell already")
        self._carried.cwd, self._carried.exports = cwd, exports

    def listed(self) -> list[Job]:
        """All that run, however old, and the latest of those that have ended; oldest first."""
        running = self.running
        return sorted([*running, *list(self._ended)[len(running) - MAX_LISTED :]], key=lambda job: job.started)

    def get(self, name: str) -> Job:
        if name not in self._jobs:
            known = ", ".join(list(self._jobs)[-10:]) or "none yet"
            raise Refused(f"there is no job {name!r}; the latest jobs are: {known}")
        return self._jobs[name]

    def run(self, command: bytes, key: str, *, wait: float, limit: float, background: bool, report: Report) -> None:
        """Run a command; `report` it when it ends, or after `wait` seconds, when it goes on as a job.

        A repeated `key` reports the command that had it first, and runs nothing.
        """
        job = self._by_key.get(key) if key else None
        if job is None:
            job = self._start(command, limit, background)
            if key:
                self._by_key[key] = job

        def report_and_detach(done: Job) -> None:
            self._detach(done)
            report(done)

        job.when_done(self._loop, wait, report_and_detach)

    def stop(self, job: Job, reason: str) -> None:
        """End a job and all that came from it: asked first, forced after a moment."""
        if not job.running and job.shell and job.shell is not self._shell:
            processes.end_session(job.shell.pid)  # it ended itself and left others behind
        elif job.running and job.stopped is None and job.shell:
            job.stopped = reason
            asked = job.shell.signal(15)
            job.shell.signal(18)
            # Not one of the job's own timers: what ignores being asked must go even where the shell went at once.
            self._loop.later(TERM_GRACE, lambda: processes.end(asked))

    def feed(self, job: Job, data: bytes) -> None:
        """Write to a job's standard input; no bytes at all close it."""
        if not job.running:
            raise Refused(f"{job.name} has ended, it takes no input")
        if job.stdin is None or job.stdin.closed:
            raise Refused(f"{job.name} has no open standard input; start it with background=true to feed it")
        if job.stdin.pending + len(data) > MAX_INPUT:
            raise Refused(f"{job.name} has not read its earlier input yet; wait, then send again")
        if data:
            job.stdin.write(data)
        else:
            job.stdin.close()

    def _start(self, command: bytes, limit: float, background: bool) -> Job:
        if b"\0" in command:
            raise Refused("a command can't contain the character NUL")
        if len(self._running) >= MAX_RUNNING:
            raise Refused(f"{MAX_RUNNING} jobs are running already; kill one first")
        if not background and self._foreground is not None:
            raise Refused(f"the shell is busy with {self._foreground.name}")
        self._count += 1
        job, shell = self._create(f"j{self._count}", command, background)
        job.kills_before = self._kills_seen
        self._jobs[job.name] = self._running[job.name] = job
        self._foreground = self._foreground if background else job
        job.timers.append(self._loop.later(limit, lambda: self.stop(job, "command_time")))
        shell.run(
            command, job.output, empty_stdin=not background, finished=lambda code, lost: self._finished(job, code, lost)
        )
        return job

    def _create(self, name: str, command: bytes, background: bool) -> tuple[Job, Shell]:
        job = None
        try:
            job = Job(name, command, *self._create_output(name))
            job.shell = shell = self._background_shell(job) if background else self._foreground_shell()
        except OSError as error:
            if job:
                job.discard()
            raise Refused(
                f"the command can't be started: {error.strerror}; free some space or end some processes"
            ) from None
        return job, shell

    def _create_output(self, name: str) -> tuple[str, int]:
        paths = [f"{folder}/{name}.log" for folder in (self._outputs, *SPARE_OUTPUTS)]
        for path in paths[:-1]:
            try:
                return path, _create(path)
            except OSError:
                continue
        return paths[-1], _create(paths[-1])

    def _foreground_shell(self) -> Shell:
        if self._shell is None or not self._shell.alive:
            null = os.open("/dev/null", os.O_RDONLY)
            try:
                self._shell = Shell(self._loop, self._env, self._carried, self._ulimits, null)
            finally:
                os.close(null)
        return self._shell

    def _background_shell(self, job: Job) -> Shell:
        if self._shell:
            self._shell.settle()
        reader, writer = os.pipe()
        job.stdin = PipeWriter(self._loop, writer)
        try:
            return Shell(self._loop, self._env, self._carried.copy(), self._ulimits, reader)
        finally:
            os.close(reader)

    def _detach(self, job: Job) -> None:
        """A command that overran its call keeps its shell; the next command gets a fresh one."""
        if job.running and job is self._foreground and job.shell:
            job.shell.detach()
            self._foreground = None
            self._shell = None

    def _finished(self, job: Job, exit_code: int, shell_ended: bool) -> None:
        detached = job.shell is not self._shell
        if job is self._foreground:
            self._foreground = None
        if shell_ended and not detached:
            self._shell = None
        elif detached and job.shell:
            job.shell.close()
        del self._running[job.name]
        self._kills_seen = self._memory_kills.count()
        if self._kills_seen > job.kills_before:
            job.stopped = job.stopped or "memory"
        job.finish(exit_code, shell_ended and not detached)
        self._forget_old(job)

    def _forget_old(self, job: Job) -> None:
        self._ended.append(job)
        if len(self._ended) > KEPT_OPEN:
            self._ended[-KEPT_OPEN - 1].close_output()
        if len(self._ended) > MAX_REMEMBERED:
            del self._jobs[self._ended.popleft().name]
        if len(self._by_key) > MAX_REMEMBERED:
            del self._by_key[next(iter(self._by_key))]


def _create(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, 0o644)
