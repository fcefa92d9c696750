"""The two ways to a Docker sandbox's guest: a socket in a bind-mounted folder, or a relay run in the container.

The socket answers sooner, but the folder must be the engine's own: behind a virtual machine, in gVisor or on another
machine a socket does not cross it, though files may. The relay is one `docker exec` a stream, and works everywhere.
"""

import os
from pathlib import Path
from typing import Literal, Protocol

import anyio
from anyio import BrokenResourceError, EndOfStream
from anyio.abc import ByteStream, SocketStream

from mlgym_mcp.errors import BackendUnavailable, SandboxError, SandboxGone
from mlgym_mcp.sandbox import unix
from mlgym_mcp.sandbox.base import RUNTIME
from mlgym_mcp.sandbox.docker import DockerEngine, EngineFacts

StreamKind = Literal["auto", "socket", "exec"]

SOCKET_FOLDER = "/run/socket"
SOCKET = "guest.sock"
ABSTRACT = "@guest"
RELAY_UID = 10002
"""Not the agent's: what the agent runs may neither signal nor read the relay, through which the token travels."""
READY = b"ready\n"
READY_LIMIT = 15.0
"""Seconds within which the engine must run the relay, and the relay find the guest."""
HEADER = 8
STDOUT = 1
MOST_COMPLAINTS = 500
"""Bytes of what the relay complains of that are kept."""


class Transport(Protocol):
    """How the host gets a stream to a guest."""

    address: str
    """Where the guest listens, as its configuration names it."""
    crosses: bool
    """Whether a socket in a bind-mounted folder can be connected to from the other side."""

    def listens(self, run: Path) -> bool:
        """Whether the guest, which has read its configuration, may be connected to."""

    async def connect(self, container: str, run: Path) -> ByteStream:
        """Open a new stream.

        Args:
            container: its name.
            run: the host's side of the folder at SOCKET_FOLDER.

        Raises:
            SandboxGone: there is no such container, or its guest does not listen.
        """


class SocketTransport:
    """The guest listens in the bind-mounted folder, which is closed to it afterwards."""

    address = f"{SOCKET_FOLDER}/{SOCKET}"
    crosses = True

    def listens(self, run: Path) -> bool:
        """Whether the socket is there."""
        return (run / SOCKET).exists()

    async def connect(self, container: str, run: Path) -> ByteStream:
        """Connect to the socket."""
        return await unix.connect(run, SOCKET)


class ExecTransport:
    """The guest listens on an abstract socket of the container's network namespace, and a relay connects to it."""

    address = ABSTRACT
    crosses = False

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def listens(self, run: Path) -> bool:
        """Always: the relay waits for the guest."""
        return True

    async def connect(self, container: str, run: Path) -> ByteStream:
        """Run a relay, and wait until it has found the guest."""
        relay = ["/usr/bin/python3", "-I", "-S", f"{RUNTIME}/relay.py", ABSTRACT]
        try:
            connection, early = await self._engine.attach(container, relay, user=f"{RELAY_UID}:{RELAY_UID}")
        except SandboxError as error:
            raise SandboxGone(f"no relay can be run in the sandbox: {error}") from None
        try:
            stream = ExecStream(await SocketStream.from_socket(connection), early)
        except BaseException:
            connection.close()
            raise
        try:
            await _await_ready(stream)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        return stream


class ExecStream(ByteStream):
    """A program's input and output over an engine's connection: input as it is, output in the engine's frames.

    | stream (1 output, 2 errors) | three zeros | length, u32 big-endian | bytes |
    """

    def __init__(self, connection: SocketStream, early: bytes = b"") -> None:
        self._connection = connection
        self._incoming = bytearray(early)
        self._left = 0
        """Bytes of the frame begun that are still to come."""
        self._is_output = False
        self.complaints = b""
        """The beginning of what the program, or the engine in its place, said as errors."""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """The next bytes of output."""
        while True:
            if self._left == 0 and len(self._incoming) >= HEADER:
                self._is_output = self._incoming[0] == STDOUT
                self._left = int.from_bytes(self._incoming[4:HEADER], "big")
                del self._incoming[:HEADER]
            if self._left and self._incoming:
                piece = self._take(max_bytes)
                if self._is_output:
                    return piece
                self.complaints = (self.complaints + piece)[:MOST_COMPLAINTS]
            elif self._left or len(self._incoming) < HEADER:
                self._incoming += await self._connection.receive(max_bytes + HEADER)

    def _take(self, max_bytes: int) -> bytes:
        size = min(max_bytes, self._left, len(self._incoming))
        piece = bytes(self._incoming[:size])
        del self._incoming[:size]
        self._left -= size
        return piece

    async def send(self, item: bytes) -> None:
        """Give the program input."""
        await self._connection.send(item)

    async def send_eof(self) -> None:
        """End the program's input, which ends a relay."""
        await self._connection.send_eof()

    async def aclose(self) -> None:
        """Close the connection, which ends a relay."""
        await self._connection.aclose()


async def choose(kind: StreamKind, engine: DockerEngine) -> Transport:
    """The way to the guests of an engine's containers.

    Raises:
        BackendUnavailable: this way can't be had with this engine.
    """
    if kind == "socket":
        return SocketTransport()
    facts = await engine.facts()
    if kind == "auto" and shares_sockets(facts, os.uname().release):
        return SocketTransport()
    if facts.reached == "other":
        raise BackendUnavailable(
            "with docker_stream=exec the engine must be reached at a Unix socket or over plain TCP, not over TLS or "
            "SSH: point DOCKER_HOST at such an address, for example the end of an SSH tunnel, "
            "or, if the engine runs on this very machine, set docker_stream=socket"
        )
    return ExecTransport(engine)


def shares_sockets(facts: EngineFacts, kernel: str) -> bool:
    """Whether a socket that a container makes in a bind-mounted folder can be connected to from this kernel."""
    # Under WSL, Docker Desktop has the kernel of the distribution beside it, but shares folders with it by a proxy.
    on_this_kernel = facts.reached == "unix" and facts.kernel == kernel and facts.system != "Docker Desktop"
    return on_this_kernel and facts.shares_kernel


async def _await_ready(stream: ExecStream) -> None:
    said = b""
    try:
        with anyio.fail_after(READY_LIMIT):
            while said != READY and READY.startswith(said):
                said += await stream.receive(MOST_COMPLAINTS)
    except (TimeoutError, EndOfStream, BrokenResourceError) as error:
        said = stream.complaints or said or type(error).__name__.encode()
    if said != READY:  # but the engine's own word, as output, of why it could not run the relay
        raise SandboxGone(f"the relay did not find the guest: {said.decode(errors='replace')}")
