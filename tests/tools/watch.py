"""Clients that subscribe to resources, each in the way of its era, and what they hear."""

import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import Client, MCPDeprecationWarning
from mcp.types import ResourceUpdatedNotification

from mlgym_mcp.tools.resources import TaskServer
from tests.fakes import until
from tests.tools.stage import Era


def uris_of(session: str) -> tuple[str, str]:
    """What there is to watch of a session."""
    return f"mlgym://sessions/{session}", f"mlgym://sessions/{session}/trajectory"


@dataclass
class Watcher:
    """A client and the URIs of which it was told that they changed, as often as it was."""

    client: Client
    era: Era
    heard: list[str] = field(default_factory=list)

    async def hears(self, *uris: str) -> list[str]:
        """Wait until it has heard of all these since it was last asked; all that it has heard."""
        await until(lambda: set(uris) <= set(self.heard))
        heard = list(self.heard)
        self.heard.clear()
        return heard

    @asynccontextmanager
    async def subscribed(self, *uris: str) -> AsyncIterator[None]:
        """Be subscribed to these while the block runs."""
        if self.era == "legacy":
            await self.subscribe(*uris)
            yield
            await self.unsubscribe(*uris)
            return
        async with self.client.listen(resource_subscriptions=uris) as updates, anyio.create_task_group() as tasks:

            async def listen() -> None:
                async for update in updates:
                    self.heard.append(getattr(update, "uri", ""))

            tasks.start_soon(listen)
            yield
            tasks.cancel_scope.cancel()

    async def subscribe(self, *uris: str) -> None:
        """Subscribe as before the newest revision, which has done away with it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            for uri in uris:
                await self.client.subscribe_resource(uri)

    async def unsubscribe(self, *uris: str) -> None:
        """End what `subscribe` began."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            for uri in uris:
                await self.client.unsubscribe_resource(uri)


@asynccontextmanager
async def watcher(target: TaskServer | Any, era: Era) -> AsyncIterator[Watcher]:
    """A watcher of a server in memory, or behind a transport."""
    heard: list[str] = []

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard.append(message.params.uri)

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(target, mode=era, message_handler=hear))
        yield Watcher(client, era, heard)
