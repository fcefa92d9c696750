"""What a sandbox is: the values that describe one, and the contract of a backend.

A backend only starts a sandbox, gives a stream to its guest, reports what it uses and removes it. Everything
that happens inside is asked of the guest over that stream (`guest.Guest`), the same way whatever the backend.

A failed command is data (`CommandResult`); a failed sandbox is a `SandboxError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from anyio.abc import ByteStream
from pydantic import BaseModel, ConfigDict, Field

from mlgym_mcp.sandbox.gpus import Gpu
from mlgym_mcp.sandbox.process import Progress, silent

MIB = 1024 * 1024
GIB = 1024 * MIB

WEIGHT_PER_CPU = 0.25
"""Less than an ordinary process has (1.0), so that busy sandboxes don't keep a server from answering."""

WORKSPACE = "/workspace"
"""The agent's folder in every sandbox."""
OUTPUTS = "/outputs"
"""Where the guest keeps what commands print, one file a job (`/outputs/j3.log`)."""
RUNTIME = "/run/guest"
"""Where the guest's modules and the runners lie, read-only, in every sandbox."""
ENVIRONMENT = "/env"
"""Where a profile's virtual environment is found in every sandbox."""
EGRESS = "/run/egress"
"""Where the folder of the proxy's socket is mounted in a sandbox that may reach hosts."""
EGRESS_SOCKET = "proxy.sock"
EGRESS_PORT = 3128
"""Where the guest of such a sandbox listens, on the sandbox's own loopback, and passes on to that socket."""


class Limits(BaseModel):
    """What one sandbox may use. Sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpus: float = 2.0
    memory: int = 2 * GIB
    disk: int = 1 * GIB
    shm: int = 64 * MIB
    tmp: int = 128 * MIB
    processes: int = 512
    open_files: int = Field(default=4096, ge=512)
    """The shell itself uses numbers up to 255."""

    @property
    def cpu_weight(self) -> float:
        """How much it gets of CPUs that others want too, who have 1.0 unless they were given another weight."""
        return WEIGHT_PER_CPU * self.cpus

    @property
    def cpu_shares(self) -> int:
        """The same as cgroups of version 1 and Docker count it: 1024 for 1.0, and never less than 2."""
        return max(2, round(1024 * self.cpu_weight))


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host that a sandbox sees read-only at `target`."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one session takes of a machine or a cluster. Memory in bytes."""

    cpus: float
    memory: int
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the node must be labelled with, such as the model of its GPUs; of meaning on a cluster alone."""


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """Everything a backend needs to start one sandbox, and nothing it must remember elsewhere."""

    id: str
    """Lower-case letters and digits, unique on this machine; names the container and the folder."""
    token: str
    """What a peer must show the guest. Secret."""
    profile: str
    """Environment profile: `plain`, `base`, …"""
    limits: Limits
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[Gpu, ...] = ()
    """The devices that it sees; no others."""
    lifetime: float = 3600.0
    """Seconds after which the guest ends the sandbox by itself; `Guest.renew` moves it."""
    orphan_grace: float = 900.0
    """Seconds without a server and without a running job after which the guest ends the sandbox."""

    place: str = ""
    """On a cluster: what it lies in. Sandboxes of one place lie on one node, those without any where there is room."""

    @property
    def has_way_out(self) -> bool:
        """Whether the socket of a proxy is among the mounts; there is never another way out."""
        return any(mount.target == EGRESS for mount in self.mounts)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a sandbox uses now. Bytes; CPU in seconds since its start. None where it can't be told."""

    memory: int | None
    cpu: float | None
    processes: int | None


class Backend(Protocol):
    """A way to make sandboxes. Every method is safe to call again after a crash of the caller."""

    name: str
    """`bubblewrap`, `docker` (`docker+runsc` with a runtime that was asked for) or `fake`."""

    async def start(self, spec: SandboxSpec) -> None:
        """Start a sandbox; on return its guest listens.

        Raises:
            SandboxStartError: it could not be started; nothing of it is left.
        """

    async def connect(self, sandbox_id: str) -> ByteStream:
        """Open a new stream to the guest of a sandbox that is alive.

        Raises:
            SandboxGone: there is no such sandbox, or its guest does not listen.
        """

    async def alive(self, sandbox_id: str) -> bool:
        """Whether the sandbox runs."""

    async def usage(self, sandbox_id: str) -> Usage:
        """What the sandbox uses now.

        Raises:
            SandboxGone: there is no such sandbox.
        """

    async def remove(self, sandbox_id: str) -> None:
        """End the sandbox and remove everything of it; a no-op when there is none."""

    async def ids(self) -> list[str]:
        """The ids of all sandboxes of this backend and data folder, dead ones with remains included."""

    async def prepare(self, profile: str, progress: Progress = silent) -> str:
        """Make the profile's image or environment if it is missing; its digest, to write into scores.

        Raises:
            SetupError: it can't be made here; the message says what to do.
        """


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that was run, or is still running as a job."""

    job: str
    """`j1`, `j2`, …"""
    running: bool
    exit_code: int | None
    """None while it runs; -N when signal N ended it."""
    head: bytes
    """The output from its beginning (or from the offset asked for)."""
    tail: bytes
    """The end of the output, empty when `head` is all of it."""
    omitted: int
    """Bytes between head and tail."""
    size: int
    """Bytes of output so far."""
    output_path: str
    """The file in the sandbox that holds all of the output."""
    seconds: float
    stopped: str | None = None
    """Why the guest ended it: `command_time`, `killed`, `disk`; None when it ended by itself. `memory`: it was full,
    and a process was killed for it, of this command or beside it, by the guest or by the kernel."""
    cwd: str = ""
    """The shell's directory after a foreground command."""
    shell_lost: bool = False
    """Whether the shell ended with the command; the next one starts fresh in `cwd`, with the last exports."""
