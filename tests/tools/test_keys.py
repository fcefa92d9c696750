"""Every call that changes something acts once under its key, in every revision; one that only looks needs none."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import RequestParamsMeta

from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, connected, facts_of, start, text_of, told


async def keyed(client: Client, key: str, tool: str, **arguments: Any) -> Any:
    """The result of a call that carries a key."""
    meta = RequestParamsMeta({"mlgym-mcp/key": key})  # type: ignore[typeddict-unknown-key]
    result = await client.call_tool(tool, arguments, meta=meta)
    assert not result.is_error, text_of(result)
    return result


@pytest.mark.parametrize("era", ERAS)
async def test_a_start_makes_one_session(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with connected(world, era=era) as client:
        first, second = [await keyed(client, "k", "start", task=TASK) for _ in range(2)]
        assert facts_of(first)["session"] == facts_of(second)["session"]
        assert facts_of(await keyed(client, "l", "start", task=TASK))["session"] != facts_of(first)["session"]


@pytest.mark.parametrize("era", ERAS)
async def test_commands_edits_and_input_act_once(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        for _ in range(2):
            await keyed(client, "bash", "bash", command="echo x >> log")
            assert "is created" in text_of(
                await keyed(client, "edit", "edit", command="create", path="a.txt", file_text="a")
            )
            await keyed(client, "cat", "bash", command="cat", background=True)
            await keyed(client, "input", "job", job="j2", action="input", input="fed\n", wait_s=0)
        assert (await told(client, "bash", command="cat log")).startswith("x\n[")
        assert (await told(client, "bash", command="cat /outputs/j2.log")).startswith("fed\n[")


@pytest.mark.parametrize("era", ERAS)
async def test_a_killed_job_is_killed_once_and_told_alike(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        await told(client, "bash", command="hang", background=True)
        first, second = [await keyed(client, "k", "job", job="j1", action="kill") for _ in range(2)]
        assert "(Killed.)" in text_of(first) and text_of(first) == text_of(second)


@pytest.mark.parametrize("era", ERAS)
async def test_artefacts_are_scored_once(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with connected(world, era=era) as client:
        await start(client)
        for tool in ("validate", "submit"):
            first, second = [await keyed(client, tool, tool) for _ in range(2)]
            assert facts_of(first)["scores"] == facts_of(second)["scores"] == {"accuracy": 0.75}
        assert [request.phase for request in world.referee.requests] == ["validate", "submit"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_ends_once(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        session = await start(client)
        for _ in range(2):
            assert facts_of(await keyed(client, "k", "end", session=session))["state"] == "ended"
        trajectory = await told(client, "read", uri=f"mlgym://sessions/{session}/trajectory")
        assert trajectory.count('"kind": "end"') == 1


@pytest.mark.parametrize("era", ERAS)
async def test_what_only_looks_looks_again_under_a_key_that_was_used(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        session = await start(client)
        uri = f"mlgym://sessions/{session}"
        await keyed(client, "k", "bash", command="true")
        assert '"steps": 9' in text_of(await keyed(client, "k", "read", uri=uri))
        await told(client, "bash", command="true")
        assert '"steps": 8' in text_of(await keyed(client, "k", "read", uri=uri))
        assert facts_of(await keyed(client, "k", "status"))["left"]["steps"] == 8
        assert (await keyed(client, "k", "list_tasks")).content
