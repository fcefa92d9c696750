"""What was submitted on a task is a resource, for everybody but those who work within one session."""

import json
from pathlib import Path

import pytest
from mcp import MCPError

from tests.fakes import TASK, World, scored
from tests.tools.stage import ERAS, Era, connected, refused, start, told
from tests.web.stage import site

BOARD = f"mlgym://leaderboard/{TASK}"
ONE_SESSION = "one session only here, which is shown no leaderboard"


@pytest.mark.parametrize("era", ERAS)
async def test_a_leaderboard_ranks_what_was_submitted_and_names_no_session(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    world.referee.answers = [scored(0.6), scored(0.9), scored(0.7)]
    async with connected(world, era=era) as client:
        sessions = [await start(client) for _ in range(3)]
        for session in sessions:
            await told(client, "submit", session=session)
        read = await told(client, "read", uri=BOARD)
        [content] = (await client.read_resource(BOARD)).contents
        assert content.mime_type == "application/json"
        groups = {(group["flavour"], group["protocol"]): group for group in json.loads(read)["groups"]}
        ranked = groups["sample", "strict"]["entries"]
        assert [(entry["rank"], entry["value"]) for entry in ranked] == [(1, 0.9), (2, 0.7), (3, 0.6)]
        assert not groups["full", "strict"]["entries"]
        assert not [session for session in sessions if session in read]


@pytest.mark.parametrize("era", ERAS)
async def test_a_leaderboard_is_listed_for_each_task_and_as_a_template(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        listed = {resource.uri: resource for resource in (await client.list_resources()).resources}
        assert listed[BOARD].title == "Leaderboard: Toy"
        boards = {uri.rpartition("/")[2] for uri in listed if uri.startswith("mlgym://leaderboard/")}
        tasks = {uri.rpartition("/")[2] for uri in listed if uri.startswith("mlgym://tasks/")}
        assert boards == tasks
        templates = [found.uri_template for found in (await client.list_resource_templates()).resource_templates]
        assert "mlgym://leaderboard/{task}" in templates
        assert "did you mean 'toy-v1'" in await refused(client, "read", uri="mlgym://leaderboard/toi-v1")


@pytest.mark.parametrize("era", ERAS)
async def test_a_pinned_server_shows_no_leaderboard(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era, task=TASK) as client:
        templates = [found.uri_template for found in (await client.list_resource_templates()).resource_templates]
        assert templates and "mlgym://leaderboard/{task}" not in templates
        assert BOARD not in [resource.uri for resource in (await client.list_resources()).resources]
        assert ONE_SESSION in await refused(client, "read", uri=BOARD)
        with pytest.raises(MCPError, match=ONE_SESSION):
            await client.read_resource(BOARD)


@pytest.mark.parametrize("era", ERAS)
async def test_an_address_of_one_session_shows_no_leaderboard(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        session = await start(owner)
        async with served.client(era=era, session=session) as agent:
            assert ONE_SESSION in await refused(agent, "read", uri=BOARD)
        assert json.loads(await told(owner, "read", uri=BOARD))["task"] == TASK
