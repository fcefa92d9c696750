"""A server that is pinned to one task offers one session and nothing else."""

from pathlib import Path

import anyio
import pytest
from mcp import MCPError
from mcp.types import TextContent

from mlgym_mcp.errors import DataMissing, UnknownTask
from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, connected, refused, told


@pytest.mark.parametrize("era", ERAS)
async def test_a_pinned_server_offers_what_its_session_needs(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era, task=TASK) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == ["bash", "edit", "job", "validate", "submit", "status", "read"]


async def test_the_first_call_starts_the_session_and_later_calls_go_on_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world, task=TASK) as client:
        assert not world.backend.guests
        await told(client, "bash", command="echo kept > kept.txt")
        assert "kept" in await told(client, "bash", command="cat kept.txt")


async def test_calls_at_the_same_time_start_one_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world, task=TASK) as client, anyio.create_task_group() as calls:
        for _ in range(3):
            calls.start_soon(lambda: told(client, "bash", command="true"))
    assert len(world.backend.guests) == 1


async def test_after_submit_a_pinned_server_refuses_with_the_score(tmp_path: Path) -> None:
    async with connected(World(tmp_path), task=TASK) as client:
        await told(client, "submit")
        said = await refused(client, "bash", command="true")
        assert "accuracy 0.75" in said
        assert "`start`" not in said


async def test_a_pinned_server_whose_session_did_not_open_tries_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = DataMissing("rows.csv is missing")
    async with connected(world, task=TASK) as client:
        said = await refused(client, "bash", command="true")
        assert "rows.csv is missing" in said
        assert "`start`" not in said
        world.preparer.error = None
        assert "hello" in await told(client, "bash", command="echo hello")


async def test_a_pinned_server_reads_only_its_own_task(tmp_path: Path) -> None:
    async with connected(World(tmp_path), task=TASK) as client:
        assert "Write answer.txt." in await told(client, "read", uri=f"mlgym://tasks/{TASK}")
        assert "one task only" in await refused(client, "read", uri="mlgym://tasks/battle-of-the-sexes-v1")
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert listed == ["mlgym://tasks", f"mlgym://tasks/{TASK}"]


@pytest.mark.parametrize("era", ERAS)
async def test_the_prompt_of_a_pinned_server_needs_no_task(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era, task=TASK) as client:
        [prompt] = (await client.list_prompts()).prompts
        assert [(argument.name, argument.required) for argument in prompt.arguments or []] == [("task", False)]
        for arguments in ({}, {"task": TASK}):
            [message] = (await client.get_prompt("attempt", arguments)).messages
            assert isinstance(message.content, TextContent)
            assert "Write answer.txt." in message.content.text and "`start`" not in message.content.text
        with pytest.raises(MCPError, match="one task only"):
            await client.get_prompt("attempt", {"task": "battle-of-the-sexes-v1"})


async def test_a_server_pinned_to_no_task_of_the_catalogue_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(UnknownTask):
        async with connected(World(tmp_path), task="no-such-v1"):
            pass
