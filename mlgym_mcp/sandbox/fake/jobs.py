"""Jobs: every command is one, and most have ended before anybody can ask."""

from collections.abc import Callable

import anyio

from mlgym_mcp.sandbox.base import OUTPUTS
from mlgym_mcp.sandbox.fake.files import FakeFiles
from mlgym_mcp.sandbox.fake.refusal import Refused
from mlgym_mcp.sandbox.fake.shell import FakeShell
from mlgym_mcp.sandbox.frames import Header

EDGE = 32_000
"""Bytes of output reported from its beginning, and as many from its end."""
KILLED = -15


class FakeJob:
    """A command, running or done."""

    def __init__(self, name: str, command: bytes, *, background: bool) -> None:
        self.name = name
        self.command = command
        self.background = background
        self.began = anyio.current_time()
        self.seconds = 0.0
        self.output = b""
        self.exit_code: int | None = None
        self.stopped: str | None = None
        self.shell_lost = False
        self.reads_input = False
        self.waiting: list[Callable[[], None]] = []

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.exit_code is None

    def finish(self, exit_code: int) -> None:
        """End it, and tell whoever waits."""
        self.exit_code = exit_code
        self.seconds = anyio.current_time() - self.began
        waiting, self.waiting = self.waiting, []
        for tell in waiting:
            tell()

    def describe(self) -> Header:
        """Its state, without its output."""
        return {
            "job": self.name,
            "running": self.running,
            "exit": self.exit_code,
            "size": len(self.output),
            "path": f"{OUTPUTS}/{self.name}.log",
            "seconds": anyio.current_time() - self.began if self.running else self.seconds,
            "stopped": self.stopped,
            "shell_lost": self.shell_lost,
        }


class FakeJobs:
    """All commands of a fake sandbox."""

    def __init__(self, files: FakeFiles) -> None:
        self._files = files
        self._shell = FakeShell(files)
        self._jobs: dict[str, FakeJob] = {}
        self._by_key: dict[str, FakeJob] = {}
        self._foreground: FakeJob | None = None

    def all(self) -> list[FakeJob]:
        """Every job, oldest first."""
        return list(self._jobs.values())

    def get(self, name: str) -> FakeJob:
        """The job with this name."""
        if name not in self._jobs:
            known = ", ".join(list(self._jobs)[-10:]) or "none yet"
            raise Refused(f"there is no job {name!r}; the latest jobs are: {known}")
        return self._jobs[name]

    def run(self, command: bytes, key: str, *, background: bool) -> FakeJob:
        """Run a command, or find the one that had this key."""
        if key in self._by_key:
            return self._by_key[key]
        if not background and self._foreground is not None and self._foreground.running:
            raise Refused(f"the shell is busy with {self._foreground.name}")
        job = FakeJob(f"j{len(self._jobs) + 1}", command, background=background)
        self._jobs[job.name] = self._by_key[key] = job
        self._execute(job)
        return job

    def detach(self, job: FakeJob) -> None:
        """A foreground command that overran its call keeps its shell; the next gets a fresh one."""
        if job.running and job is self._foreground:
            self._foreground = None
            self._fresh_shell()

    def stop(self, job: FakeJob, reason: str) -> None:
        """End a job."""
        if job.running:
            job.stopped = reason
            job.shell_lost = job is self._foreground
            job.finish(KILLED)

    def feed(self, job: FakeJob, data: bytes) -> None:
        """Write to a job's input; no bytes close it."""
        if not job.running:
            raise Refused(f"{job.name} has ended, it takes no input")
        if not job.background:
            raise Refused(f"{job.name} has no open standard input; start it with background=true to feed it")
        if job.reads_input and not data:
            job.finish(0)
        elif job.reads_input:
            self._print(job, data)

    def report(self, job: FakeJob, offset: int) -> tuple[Header, bytes]:
        """A job's state and its output from `offset` on, its middle left out if it is long."""
        output = job.output[offset:]
        head, tail = (output, b"") if len(output) <= 2 * EDGE else (output[:EDGE], output[-EDGE:])
        omitted = len(output) - len(head) - len(tail)
        return {**job.describe(), "head": len(head), "omitted": omitted, "cwd": self._shell.cwd}, head + tail

    def _execute(self, job: FakeJob) -> None:
        shell = self._shell
        if job.background:
            shell = FakeShell(self._files)
            shell.cwd = self._shell.cwd
        else:
            self._foreground = job
        outcome = shell.run(job.command.decode("utf-8", "surrogateescape"))
        self._print(job, outcome.output)
        job.reads_input = outcome.reads_input
        if outcome.leaves and not job.background:
            job.shell_lost = True
            self._fresh_shell()
        if outcome.exit_code is not None:
            job.finish(outcome.exit_code)
        elif outcome.reads_input and not job.background:
            job.finish(0)

    def _print(self, job: FakeJob, data: bytes) -> None:
        job.output += data
        self._files.contents[f"{OUTPUTS}/{job.name}.log"] = job.output

    def _fresh_shell(self) -> None:
        cwd, self._shell = self._shell.cwd, FakeShell(self._files)
        self._shell.cwd = cwd
