"""A client of a real server that stands on fakes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from mcp import Client
from mcp.types import CallToolResult, TextContent

from mlgym_mcp.meter import Meter
from mlgym_mcp.sandbox.metered import MeteredBackend
from mlgym_mcp.server import OpenServices, open_server
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog
from tests.fakes import TASK, World

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
"""The newest revision of the protocol, and those before it."""


def services_of(world: World, errors: Sequence[Exception] = ()) -> OpenServices:
    """Opens what a server stands on, as the world has it, once it has failed with each of `errors`."""
    failures = list(errors)

    @asynccontextmanager
    async def open_services(_: Settings, catalog: Catalog, meter: Meter) -> AsyncIterator[Services]:
        if failures:
            raise failures.pop(0)
        with Store.open(world.folder / "data") as store:
            store.database.told = meter.committed
            yield Services(
                store=store,
                tasks=catalog,
                preparer=world.preparer,
                backend=MeteredBackend(world.backend, meter),
                referee=world.referee,
                clock=world.clock,
                literature=world.literature,
                meter=meter,
            )

    return open_services


def settings_of(world: World, **settings: Any) -> Settings:
    """Settings for a server on the world's folder."""
    settings = {"max_memory": "1024GiB", "max_cpus": 1024, **settings}
    return Settings(data_dir=world.folder / "data", tasks_dirs=(world.folder / "tasks",), **settings)


@asynccontextmanager
async def connected(world: World, *, era: Era = "auto", **settings: Any) -> AsyncIterator[Client]:
    """A client connected in memory to a server on the world's folder."""
    chosen = settings_of(world, **settings)
    async with open_server(chosen, services_of(world)) as server, Client(server, mode=era) as client:
        yield client


async def start(client: Client, **arguments: Any) -> str:
    """Start a session on the toy task; its handle."""
    result = await client.call_tool("start", {"task": TASK, **arguments})
    assert not result.is_error, text_of(result)
    return str(facts_of(result)["session"])


async def told(client: Client, tool: str, **arguments: Any) -> str:
    """The text that a call is answered with."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    return text_of(result)


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The text that a call is refused with."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, text_of(result)
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    """All the text of a result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result."""
    facts: dict[str, Any] | None = result.structured_content
    assert facts is not None
    return facts
