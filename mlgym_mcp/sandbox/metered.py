"""A backend whose sandboxes' starts and requests are counted."""

from collections.abc import Callable

from anyio.abc import ByteStream

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox.base import Backend, SandboxSpec, Usage
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.tracing import span


class MeteredBackend:
    """What a backend does, told to a meter; each start is a step of a trace, too."""

    def __init__(self, backend: Backend, meter: Meter) -> None:
        self._backend = backend
        self._meter = meter
        self.name = backend.name

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox."""
        with span("sandbox start", backend=self.name, profile=spec.profile):
            try:
                await self._backend.start(spec)
            except SandboxError:
                self._meter.sandbox_not_started(self.name)
                raise

    async def connect(self, sandbox_id: str) -> ByteStream:
        """Open a new stream to the guest."""
        return _Counted(await self._backend.connect(sandbox_id), self._meter.guest_asked)

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the sandbox runs."""
        return await self._backend.alive(sandbox_id)

    async def usage(self, sandbox_id: str) -> Usage:
        """What the sandbox uses now."""
        return await self._backend.usage(sandbox_id)

    async def remove(self, sandbox_id: str) -> None:
        """End the sandbox and remove everything of it."""
        await self._backend.remove(sandbox_id)

    async def ids(self) -> list[str]:
        """The ids of all sandboxes."""
        return await self._backend.ids()

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Make the profile's image or environment if it is missing."""
        return await self._backend.prepare(profile, progress)


class _Counted(ByteStream):
    """A stream to a guest: what is sent is one request, whole."""

    def __init__(self, stream: ByteStream, sent: Callable[[], None]) -> None:
        self._stream = stream
        self._sent = sent

    async def send(self, item: bytes) -> None:
        self._sent()
        await self._stream.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
