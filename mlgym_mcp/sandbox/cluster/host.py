"""The host: a Ray actor that has one sandbox on its node, and relays streams to its guest.

It knows its sandbox by the node's ordinary backend, which finds it by looking: one whose process was killed and that
Ray starts again goes on with the sandbox that lives on. It ends by itself when its sandbox has, by its lease.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from mlgym_mcp.errors import MLGymError, SandboxGone
from mlgym_mcp.sandbox.base import Backend, SandboxSpec, Usage
from mlgym_mcp.sandbox.cluster.node_backend import NodeBackend, OpenBackend

BATCH = 1024 * 1024
"""Bytes of a guest's that one answer carries at most; what is more waits in the guest's socket."""
HOLD = 20.0
"""Seconds that a question for bytes is held while there are none: so often a server shows that it still reads."""
DESERTED = 3 * HOLD
"""Seconds after which a stream that nobody has asked about is closed, so that its guest is seen to be alone."""
LOOK = 5.0
"""Seconds between two looks at whether the sandbox has ended by itself."""
KEPT = 60.0
"""Seconds that the actor of an ended sandbox answers that it has."""
STARTING = 300.0
"""Seconds more that one waits for its sandbox to start; that of one that was started anew may have ended, too."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Relayed:
    """A stream to the guest, as one server has it."""

    stream: ByteStream
    sent: int = 0
    """How many pieces have gone to the guest."""
    turn: anyio.Event = field(default_factory=anyio.Event)
    reading: anyio.Lock = field(default_factory=anyio.Lock)
    asked: float = field(default_factory=time.monotonic)


class Host:
    """One sandbox of a node."""

    def __init__(self, open_backend: OpenBackend, sandbox_id: str) -> None:
        self._backend = NodeBackend(partial(_opening_as_others, open_backend))
        self._id = sandbox_id
        self._streams: dict[str, _Relayed] = {}
        self._seen = time.monotonic() + STARTING
        """When the sandbox was last seen alive, or should have been by."""
        watch_oneself()

    async def start(self, spec: SandboxSpec) -> str:
        """Start the sandbox; the digest of its environment, which is made first where this node has none."""
        backend = await self._backend.opened()
        digest = await backend.prepare(spec.profile)
        await backend.start(spec)
        self._seen = time.monotonic()
        return digest

    async def alive(self) -> bool:
        """Whether the sandbox runs."""
        return await (await self._backend.opened()).alive(self._id)

    async def usage(self) -> Usage:
        """What it uses now."""
        return await (await self._backend.opened()).usage(self._id)

    async def remove(self) -> None:
        """End it and remove everything of it on this node."""
        for name in list(self._streams):
            await self.close(name)
        await (await self._backend.opened()).remove(self._id)

    async def connect(self) -> str:
        """Open a stream to the guest; its name, which no other had, also before this process."""
        stream = await (await self._backend.opened()).connect(self._id)
        name = secrets.token_hex(8)
        self._streams[name] = _Relayed(stream)
        return name

    async def send(self, name: str, place: int, data: bytes) -> None:
        """Send the piece with this place in the stream, counted from 0, once all before it are sent.

        Ray keeps calls in order only as long as none of them waits for its arguments, as large ones do.
        """
        relayed = self._of(name)
        while relayed.sent != place:
            await relayed.turn.wait()
        try:
            await relayed.stream.send(data)
        except (BrokenResourceError, ClosedResourceError):
            raise SandboxGone("the stream to the guest has ended") from None
        finally:
            relayed.sent += 1
            turn, relayed.turn = relayed.turn, anyio.Event()
            turn.set()

    async def receive(self, name: str) -> bytes | None:
        """What the guest has sent, none if that is nothing for a while; None once the stream has ended."""
        if (relayed := self._streams.get(name)) is None:
            return None
        async with relayed.reading:
            relayed.asked = time.monotonic()
            try:
                with anyio.move_on_after(HOLD):
                    return await relayed.stream.receive(BATCH)
            except (EndOfStream, BrokenResourceError, ClosedResourceError):
                await self.close(name)
                return None
        return b""

    async def close(self, name: str) -> None:
        """Close a stream; a no-op when there is none."""
        if (relayed := self._streams.pop(name, None)) is not None:
            await anyio.aclose_forcefully(relayed.stream)

    async def watch(self) -> None:
        """Run as long as the sandbox does: close what nobody reads any more, and in the end remove what is left."""
        while time.monotonic() < self._seen + KEPT:
            await anyio.sleep(LOOK)
            try:
                if await self.alive():
                    self._seen = time.monotonic()
            except (MLGymError, OSError) as error:  # nobody can tell now
                log.warning("sandbox_not_looked_at", sandbox=self._id, reason=str(error))
                self._seen = time.monotonic()
            for name, relayed in list(self._streams.items()):
                if time.monotonic() - relayed.asked > DESERTED:
                    await self.close(name)
        try:
            await self.remove()
        except (MLGymError, OSError) as error:  # the node's steward tries again
            log.warning("sandbox_not_removed", sandbox=self._id, reason=str(error))
        log.info("sandbox_ended_by_itself", sandbox=self._id)
        leave()

    def _of(self, name: str) -> _Relayed:
        if (relayed := self._streams.get(name)) is None:
            raise SandboxGone("the stream to the guest has ended")
        return relayed


def _opening_as_others(open_backend: OpenBackend) -> AbstractAsyncContextManager[Backend]:
    """Take back what Ray does to its workers and sandboxes would inherit: low priority, and to be killed first."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("0")
    return open_backend()


def watch_oneself() -> None:
    """Have the actor that is being made, now or anew, run its `watch` from now on."""
    import ray

    ray.get_runtime_context().current_actor.watch.remote()


def leave() -> None:
    """End the actor that calls this."""
    from ray.actor import exit_actor

    end: Callable[[], None] = exit_actor
    end()
