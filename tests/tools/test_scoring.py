"""`validate` and `submit`, as clients of both eras see them."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import ScoringError
from tests.fakes import World, faulty, scored, write_task
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, text_of, told


@pytest.mark.parametrize("era", ERAS)
async def test_text_and_structure_say_the_same(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        result = await client.call_tool("submit", {})
        facts, text = facts_of(result), text_of(result)
        assert facts["outcome"] == "scored"
        assert facts["scores"] == {"accuracy": 0.75}
        assert facts["baseline"] == {"accuracy": 0.5}
        assert facts["reward"] == 0.5
        assert (facts["exit_status"], facts["state"]) == ("submitted", "submitted")
        assert facts["held"] is False
        for said in ("accuracy 0.75 (baseline 0.5)", "reward +0.5", "exit status: submitted", "data: sample"):
            assert said in text


async def test_a_fault_of_the_submission_is_told_in_detail_after_validate(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("bad_rows", "row 3 is 'x'")]
    async with connected(world) as client:
        await start(client)
        result = await client.call_tool("validate", {})
        assert not result.is_error
        assert facts_of(result)["outcome"] == "submission_fault"
        assert "row 3 is 'x'" in text_of(result)


async def test_a_fault_of_the_submission_is_told_as_a_code_after_submit(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("bad_rows", "row 3 is 'x'")]
    async with connected(world) as client:
        await start(client)
        text = text_of(await client.call_tool("submit", {}))
        assert "bad_rows" in text
        assert "row 3" not in text


async def test_a_fault_of_the_server_is_free_and_safe_to_repeat(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [ScoringError("/hidden/labels.npy is broken")]
    async with connected(world) as client:
        await start(client)
        result = await client.call_tool("validate", {})
        assert facts_of(result)["outcome"] == "infrastructure_fault"
        assert "/hidden" not in text_of(result)
        assert "10 steps" in text_of(result)
        assert facts_of(await client.call_tool("validate", {}))["outcome"] == "scored"


async def test_a_score_that_takes_longer_is_collected_by_the_next_call(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with connected(world) as client:
        await start(client)
        pending = await client.call_tool("validate", {"wait_s": 0.01})
        assert facts_of(pending)["outcome"] == "pending"
        assert "call `validate` again" in text_of(pending)
        world.referee.gate.set()
        collected = await client.call_tool("validate", {})
        assert facts_of(collected)["scores"] == {"accuracy": 0.75}
        assert facts_of(collected)["left"]["steps"] == 9


async def test_a_final_score_is_collected_without_naming_the_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with connected(world) as client:
        await start(client)
        assert facts_of(await client.call_tool("submit", {"wait_s": 0}))["outcome"] == "pending"
        world.referee.gate.set()
        assert facts_of(await client.call_tool("submit", {}))["outcome"] == "scored"
        for tool in ("submit", "status"):
            assert "accuracy 0.75" in await told(client, tool)
        said = await refused(client, "bash", command="true")
        assert "accuracy 0.75" in said
        assert "`start` makes a new one" in said


async def test_what_the_last_step_submits_is_collected_without_naming_the_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 1})
    async with connected(world) as client:
        await start(client)
        assert "`submit` returns its score" in await told(client, "validate")
        assert "exit status: autosubmission (max_steps)" in await told(client, "submit")


async def test_the_score_on_all_examples_is_told_with_its_error(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [
        {**scored(0.75), "upstream_scores": {"accuracy": 0.7}, "upstream_standard_error": {"accuracy": 0.01}}
    ]
    async with connected(world) as client:
        await start(client)
        result = await client.call_tool("submit", {})
        assert facts_of(result)["upstream_standard_error"] == {"accuracy": 0.01}
        assert "original benchmark: accuracy 0.7 ± 0.01" in text_of(result)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        await start(client)
        del next(iter(world.backend.guests.values())).files.contents["/workspace/answer.txt"]
        said, last = (await refused(client, "validate")).splitlines()
        assert "answer.txt" in said
        assert last.startswith("[refused · 0.")
        assert "9 steps" in last


async def test_after_submit_everything_else_is_refused_with_the_score(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = await start(client)
        await told(client, "submit")
        assert "accuracy 0.75" in await refused(client, "bash", command="true", session=session)
        assert "accuracy 0.75" in await told(client, "submit", session=session)
        assert "accuracy 0.75" in await told(client, "status", session=session)
