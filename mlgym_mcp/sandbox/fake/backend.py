"""The backend: in-memory sandboxes by id."""

from mlgym_mcp.errors import SandboxGone, SandboxStartError
from mlgym_mcp.sandbox.base import SandboxSpec, Usage
from mlgym_mcp.sandbox.fake.guest import FakeGuest
from mlgym_mcp.sandbox.fake.programs import StartProgram, no_program
from mlgym_mcp.sandbox.fake.stream import FakeStream
from mlgym_mcp.sandbox.process import Progress, silent


class FakeBackend:
    """Sandboxes in memory. Several managers may share one, as several servers share an engine."""

    def __init__(self, *, start_program: StartProgram = no_program) -> None:
        self.name = "fake"
        self.guests: dict[str, FakeGuest] = {}
        """By sandbox id; what a test may look at or `end()`."""
        self.refuse_start: str | None = None
        """When set, starting a sandbox fails with this text."""
        self._start_program = start_program

    async def start(self, spec: SandboxSpec) -> None:
        """Make a sandbox.

        Raises:
            SandboxStartError: `refuse_start` is set, or there is one with this id.
        """
        if self.refuse_start is not None:
            raise SandboxStartError(self.refuse_start)
        if await self.alive(spec.id):
            raise SandboxStartError(f"there is a sandbox {spec.id} already")
        self.guests[spec.id] = FakeGuest(spec, self._start_program)

    async def connect(self, sandbox_id: str) -> FakeStream:
        """Open a stream.

        Raises:
            SandboxGone: there is no such sandbox, or it has ended.
        """
        if not await self.alive(sandbox_id):
            raise SandboxGone(f"there is no sandbox {sandbox_id}")
        return FakeStream(self.guests[sandbox_id])

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the sandbox has not ended."""
        guest = self.guests.get(sandbox_id)
        return guest is not None and not guest.ended

    async def usage(self, sandbox_id: str) -> Usage:
        """How many bytes its files hold, and how many jobs run.

        Raises:
            SandboxGone: there is no such sandbox.
        """
        if not await self.alive(sandbox_id):
            raise SandboxGone(f"there is no sandbox {sandbox_id}")
        guest = self.guests[sandbox_id]
        memory = sum(map(len, guest.files.contents.values()))
        return Usage(memory=memory, cpu=None, processes=1 + sum(job.running for job in guest.jobs.all()))

    async def remove(self, sandbox_id: str) -> None:
        """End a sandbox and forget it; a no-op when there is none."""
        guest = self.guests.pop(sandbox_id, None)
        if guest is not None:
            guest.end()

    async def ids(self) -> list[str]:
        """The ids of all sandboxes."""
        return list(self.guests)

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Make nothing; a digest of the profile's name."""
        await progress(f"{profile} needs no preparation")
        return f"fake-{profile}"
