"""Updates: that a resource has changed, sent to everybody who subscribed to it, whatever revision they speak.

Sessions tell of their changes in the midst of their work, so here they are only noted; one task sends them on, those of
a moment together. While nobody has subscribed to anything not even that is done.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus
from mcp.server.connection import Connection
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent

PAUSE = 0.25
"""Seconds between two rounds; what changes within them is told once."""
MAX_URIS = 100
"""URIs that one connection, or one `subscriptions/listen`, may subscribe to."""

log = structlog.get_logger()


class Updates:
    """Shared by all server objects over one manager; a listener of its sessions' changes."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        """Where all updates pass; the SDK takes those for the newest revision from it."""
        self._tasks: TaskGroup
        self._listening = 0
        self._followers: dict[Connection, Follower] = {}
        self._changed: dict[str, None] = {}
        self._noted = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Send updates until `close`."""
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            await self._send()

    def close(self) -> None:
        """Send no more, not even those that were noted already."""
        self._tasks.cancel_scope.cancel()

    @property
    def followers(self) -> int:
        """How many connections with a handshake are subscribed to something."""
        return len(self._followers)

    def session_changed(self, session: str) -> None:
        """Note that what is told of a session has changed."""
        if self._listening or self._followers:
            self._note(f"mlgym://sessions/{session}", f"mlgym://sessions/{session}/trajectory")

    def leaderboard_changed(self, task: str) -> None:
        """Note that a leaderboard has changed."""
        if self._listening or self._followers:
            self._note(f"mlgym://leaderboard/{task}")

    @contextmanager
    def listened_to(self) -> Iterator[None]:
        """Have changes noted while the block runs: somebody listens at the bus."""
        self._listening += 1
        try:
            yield
        finally:
            self._listening -= 1

    def follow(self, connection: Connection, uri: str) -> bool:
        """Send a connection with a handshake the updates of this URI too; False when it has as many as it may."""
        follower = self._followers.get(connection)
        if follower is None:
            follower = self._followers[connection] = Follower(connection, self._tasks, self.bus)
            # The one signal that a connection is over: sending to it fails without a word, and one over HTTP may
            # be gone for hours before anything is sent.
            connection.exit_stack.callback(self._forget, connection)
        if uri not in follower.uris and len(follower.uris) >= MAX_URIS:
            return False
        follower.uris.add(uri)
        return True

    def unfollow(self, connection: Connection, uri: str) -> None:
        """Send a connection the updates of this URI no more."""
        if (follower := self._followers.get(connection)) is not None:
            follower.uris.discard(uri)

    def _forget(self, connection: Connection) -> None:
        self._followers.pop(connection).close()

    def _note(self, *uris: str) -> None:
        self._changed.update(dict.fromkeys(uris))
        self._noted.set()

    async def _send(self) -> None:
        while True:
            await self._noted.wait()
            self._noted = anyio.Event()
            changed, self._changed = self._changed, {}
            for uri in changed:
                await self.bus.publish(ResourceUpdated(uri=uri))
            await anyio.sleep(PAUSE)


class Follower:
    """One connection with a handshake that subscribed. A client that doesn't read holds up nobody but itself."""

    def __init__(self, connection: Connection, tasks: TaskGroup, bus: InMemorySubscriptionBus) -> None:
        self.uris: set[str] = set()
        self.close = bus.subscribe(self._deliver)
        """Ends it."""
        self._connection = connection
        self._tasks = tasks
        self._pending: dict[str, None] = {}
        self._sending = False

    def _deliver(self, event: ServerEvent) -> None:
        if not isinstance(event, ResourceUpdated) or event.uri not in self.uris:
            return
        self._pending[event.uri] = None
        if not self._sending:
            self._sending = True
            self._tasks.start_soon(self._send)

    async def _send(self) -> None:
        try:
            while self._pending:
                uri = next(iter(self._pending))
                del self._pending[uri]
                await self._connection.send_resource_updated(uri)
        except Exception:  # noqa: BLE001 - one broken connection must not end the updates of the others
            log.exception("update_not_sent")
        finally:
            self._sending = False
