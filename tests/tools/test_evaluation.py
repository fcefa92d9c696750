"""The group `evaluation`: what whoever runs an agent does at its end, in both protocol eras."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextResourceContents

from tests.fakes import TASK, World, faulty, scored, write_task
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, told

BROKEN: dict[str, Any] = {"outcome": "infrastructure_fault"}


def harness(world: World, **settings: Any) -> Any:
    return connected(world, tools=("evaluation",), **settings)


async def asked(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return facts_of(await client.call_tool(tool, arguments))


async def validated(client: Client, world: World, session: str, text: str, accuracy: float) -> str:
    """Write an answer and validate it; its hash."""
    await told(client, "bash", session=session, command=f"echo {text} > answer.txt")
    world.referee.answers.append(scored(accuracy))
    return str((await asked(client, "validate", session=session))["artefact"])


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_that_is_cut_off_submits_what_last_validated_and_says_why(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with harness(world, era=era) as client:
        session = await start(client)
        first = await validated(client, world, session, "good", 0.8)
        await told(client, "bash", session=session, command="echo never validated > answer.txt")
        ended = await asked(client, "cut_off", session=session, why="exit_cost")
        assert (ended["outcome"], ended["artefact"], ended["state"]) == ("scored", first, "cut_off")
        assert ended["exit_status"] == "autosubmission (exit_cost)"
        assert await asked(client, "cut_off", session=session, why="exit_error") == ended
        assert "whoever runs its agent ended it" in await refused(client, "bash", session=session, command="true")


@pytest.mark.parametrize(
    ("files", "answers", "outcome", "status"),
    [
        ("answer.txt", [], "scored", "autosubmission (exit_format)"),
        ("answer.txt", [faulty("bad_rows", "")], "submission_fault", "evaluation_format_error (exit_format)"),
        ("absent.txt", [], "nothing_to_score", "submission_not_found (exit_format)"),
    ],
    ids=["scored", "at fault", "absent"],
)
async def test_what_never_validated_is_submitted_as_it_is(
    tmp_path: Path, files: str, answers: list[Any], outcome: str, status: str
) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", submission={"files": [files], "kind": "data", "max_size": "1MiB"})
    world.referee.answers = answers
    async with harness(world) as client:
        session = await start(client)
        ended = await asked(client, "cut_off", session=session, why="exit_format")
        assert (ended["outcome"], ended["exit_status"]) == (outcome, status)
        assert (await asked(client, "status", session=session))["exit_status"] == status


async def test_a_validation_that_goes_on_is_waited_for_and_counts(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with harness(world) as client:
        session = await start(client)
        world.referee.gate = anyio.Event()
        assert (await asked(client, "validate", session=session, wait_s=0))["outcome"] == "pending"
        await told(client, "bash", session=session, command="echo never validated > answer.txt")
        assert (await asked(client, "cut_off", session=session, why="exit_api", wait_s=0))["outcome"] == "pending"
        world.referee.gate.set()
        ended = await asked(client, "cut_off", session=session, why="exit_api")
        assert (ended["exit_status"], ended["state"]) == ("autosubmission (exit_api)", "cut_off")
    assert len({request.artefact.sha256 for request in world.referee.requests}) == 1


async def test_a_session_that_was_submitted_keeps_its_end(tmp_path: Path) -> None:
    async with harness(World(tmp_path)) as client:
        session = await start(client)
        submitted = await asked(client, "submit", session=session)
        answer = await asked(client, "cut_off", session=session, why="exit_error")
        assert (answer["exit_status"], answer["artefact"]) == ("submitted", submitted["artefact"])


async def test_the_best_is_what_validated_best_scored_as_submit_would_and_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with harness(world) as client:
        session = await start(client)
        best = await validated(client, world, session, "good", 0.9)
        last = await validated(client, world, session, "worse", 0.6)
        assert "end it first" in await refused(client, "score_best", session=session)
        assert (await asked(client, "submit", session=session))["artefact"] == last
        world.referee.answers = [scored(0.85)]
        found = await asked(client, "score_best", session=session)
        assert (found["phase"], found["scores"], found["artefact"]) == ("submit", {"accuracy": 0.85}, best)
        assert (found["submitted"], found["step"], found["exit_status"]) == (False, 2, "submitted")
    async with harness(world) as client:
        assert await asked(client, "score_best", session=session) == found
        assert (await asked(client, "submit", session=session))["artefact"] == last
        groups = json.loads(await told(client, "read", uri=f"mlgym://leaderboard/{TASK}"))["groups"]
        assert [entry["artefact"] for group in groups for entry in group["entries"]] == [last[:12]]
    assert [request.phase for request in world.referee.requests] == ["validate", "validate", "submit", "submit"]


async def test_a_best_that_was_submitted_is_not_scored_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with harness(world) as client:
        session = await start(client)
        await validated(client, world, session, "good", 0.9)
        submitted = await asked(client, "submit", session=session)
        found = await asked(client, "score_best", session=session)
        assert (found["scores"], found["submitted"], len(world.referee.requests)) == (submitted["scores"], True, 2)


async def test_a_session_that_was_given_up_still_has_its_best_and_one_without_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with harness(world) as client:
        session, empty = await start(client), await start(client)
        await validated(client, world, session, "good", 0.9)
        for one in (session, empty):
            await asked(client, "end", session=one)
        assert (await asked(client, "score_best", session=session))["outcome"] == "scored"
        assert (await asked(client, "score_best", session=empty))["outcome"] == "nothing_to_score"


async def test_a_fault_of_ours_at_the_best_is_tried_again_and_then_held(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with harness(world) as client:
        session = await start(client)
        await validated(client, world, session, "good", 0.9)
        await asked(client, "end", session=session)
        world.referee.answers = [BROKEN, BROKEN]
        held = [(await asked(client, "score_best", session=session))["held"] for _ in range(3)]
        assert (held, len(world.referee.requests)) == ([False, True, True], 3)


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_can_be_given_less_than_its_task_gives_and_never_more(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        left = (await asked(client, "start", task=TASK, steps=2, wall_time=60))["left"]
        assert (left["steps"], left["wall_time"]) == (2, 60)
        assert "10 steps at most" in await refused(client, "start", task=TASK, steps=11)
        assert "3600 seconds of wall time at most" in await refused(client, "start", task=TASK, wall_time=3601)


async def test_a_lower_budget_lasts_over_restarts(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        session = (await asked(client, "start", task=TASK, steps=3))["session"]
    async with connected(world) as client:
        await told(client, "bash", session=session, command="true")
        assert (await asked(client, "status", session=session))["left"]["steps"] == 2


async def test_the_catalogue_tells_programs_what_scores_may_be_held_against(tmp_path: Path) -> None:
    async with harness(World(tmp_path)) as client:
        contents = (await client.read_resource("mlgym://tasks")).contents[0]
        assert isinstance(contents, TextResourceContents)
        listed = json.loads(contents.text)["tasks"]
        toy = next(one for one in listed if one["id"] == TASK)
        assert (toy["baselines"]["sample/mlgym"], toy["comparable_why"]) == (0.5, "nothing was published")
        game = next(one for one in listed if one["id"] == "battle-of-the-sexes-v1")
        assert {"attempt", "submission"} == set(next(iter(game["published"].values())))


async def test_harnesses_read_the_baselines_files_and_nobody_else_does(tmp_path: Path) -> None:
    world, uri = World(tmp_path), "mlgym://tasks/battle-of-the-sexes-v1"
    async with harness(world) as client:
        listed = await told(client, "read", uri=uri)
        place = next(line[2:] for line in listed.splitlines() if "/baseline/" in line)
        assert "def row_strategy" in await told(client, "read", uri=place)
        assert "it has: " in await refused(client, "read", uri=f"{uri}/baseline/none.py")
    async with connected(world) as client:
        assert "/baseline/" not in await told(client, "read", uri=uri)
        assert "no resource" in await refused(client, "read", uri=place)
