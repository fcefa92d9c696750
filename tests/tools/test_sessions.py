"""`start`, `status` and `end`, and which session a call means."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import DataMissing
from tests.fakes import TASK, World, until
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, text_of, told


@pytest.mark.parametrize("era", ERAS)
async def test_start_answers_with_the_handle_the_state_and_the_brief(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        result = await client.call_tool("start", {"task": TASK})
        facts, text = facts_of(result), text_of(result)
        assert (facts["state"], facts["task"], facts["flavour"]) == ("open", TASK, "sample")
        for said in (facts["session"], "Write answer.txt.", "10 steps"):
            assert said in text
        assert facts["brief"] == "Write answer.txt."


async def test_a_session_that_waits_says_for_what_and_opens_later(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with connected(world) as client:
        result = await client.call_tool("start", {"task": TASK, "wait_s": 0.01})
        assert facts_of(result)["state"] == "waiting"
        assert "being prepared" in text_of(result)
        world.preparer.gate.set()
        assert "hello" in await told(client, "bash", command="echo hello")


@pytest.mark.parametrize("era", ERAS)
async def test_whoever_asks_is_told_what_a_call_waits_for(tmp_path: Path, era: Era) -> None:
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with connected(world, era=era) as client:
        await refused(client, "status")  # opens what sessions stand on, which is waited for too
        await client.call_tool("start", {"task": TASK, "wait_s": 0.05}, progress_callback=hear)
        await until(lambda: bool(heard))
        assert "data is being prepared" in str(heard[0])


async def test_an_unknown_task_is_refused_with_the_nearest(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        assert "did you mean 'toy-v1'" in await refused(client, "start", task="toi-v1")


async def test_what_the_operator_has_to_mend_is_told_as_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = DataMissing("labels are missing; run: mlgym-mcp data prepare toy-v1")
    async with connected(world) as client:
        assert "run: mlgym-mcp data prepare toy-v1" in await refused(client, "start", task=TASK)


async def test_a_fault_of_the_server_is_told_by_a_reference_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.backend.refuse_start = "bwrap: /srv/secret: no such file"
    async with connected(world) as client:
        text = await refused(client, "start", task=TASK)
        assert "secret" not in text
        assert "reference" in text


async def test_an_unexpected_error_is_told_by_a_reference_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = RuntimeError("secret")
    async with connected(world) as client:
        assert "secret" not in await refused(client, "start", task=TASK)


async def test_without_a_session_a_call_says_how_to_start_one(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        assert "Call `start`" in await refused(client, "bash", command="true")


async def test_with_two_sessions_a_call_has_to_say_which(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        first, second = await start(client), await start(client)
        text = await refused(client, "bash", command="true")
        assert first in text
        assert second in text
        assert "exit 0" in await told(client, "bash", command="true", session=second)


async def test_a_handle_that_names_nothing_is_refused(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        assert await refused(client, "bash", command="true", session="no-such-handle")


async def test_status_lists_jobs_and_costs_nothing(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        await told(client, "bash", command="hang", background=True)
        result = await client.call_tool("status", {})
        assert facts_of(result)["jobs"][0]["running"]
        assert facts_of(result)["left"]["steps"] == 9
        assert "- job j1: running" in text_of(result)


async def test_an_ended_session_is_over_without_a_score(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = await start(client)
        assert facts_of(await client.call_tool("end", {}))["state"] == "ended"
        assert await refused(client, "bash", command="true", session=session)


async def test_a_strict_server_opens_no_session_that_would_show_what_strict_hides(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        assert "serve --protocol mlgym" in await refused(client, "start", task=TASK, protocol="mlgym")
