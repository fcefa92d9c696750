"""How long clients of the newest revision may keep what they were answered, and for whom."""

from pathlib import Path

from mcp import Client
from mcp.types import CacheableResult

from tests.fakes import TASK, World
from tests.tools.stage import connected, start
from tests.web.stage import site

MINUTE = 60_000


async def told_once(client: Client) -> list[CacheableResult]:
    """What a server says of itself, and what its release alone decides."""
    discovered = client.session.discover_result
    assert discovered is not None
    return [
        discovered,
        await client.list_tools(),
        await client.list_prompts(),
        await client.list_resource_templates(),
    ]


async def test_what_never_changes_may_be_kept_and_shared(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        for listed in await told_once(client):
            assert listed.cache_scope == "public" and listed.ttl_ms >= MINUTE


async def test_the_list_of_tasks_is_kept_shortly_and_not_shared(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        listed = await client.list_resources()
        assert listed.cache_scope == "private" and 0 < listed.ttl_ms < MINUTE


async def test_what_is_read_is_neither_kept_nor_shared(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = await start(client)
        for uri in (f"mlgym://sessions/{session}", f"mlgym://sessions/{session}/trajectory", f"mlgym://tasks/{TASK}"):
            read = await client.read_resource(uri)
            assert (read.cache_scope, read.ttl_ms) == ("private", 0)


async def test_nothing_of_a_pinned_server_is_shared(tmp_path: Path) -> None:
    async with connected(World(tmp_path), task=TASK) as client:
        for listed in [*await told_once(client), await client.list_resources()]:
            assert listed.cache_scope == "private"


async def test_nothing_of_an_address_of_one_session_is_shared(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.client() as owner:
        session = await start(owner)
        async with served.client(session=session) as agent:
            for listed in [*await told_once(agent), await agent.list_resources()]:
                assert listed.cache_scope == "private"
