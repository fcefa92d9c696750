"""Every argument of a prompt or a template is completed, with what the caller may know anyway."""

from pathlib import Path

import pytest
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference

from tests.fakes import DOCUMENT, TASK, World, write_task
from tests.tools.stage import ERAS, Era, connected, start, told
from tests.web.stage import TOKEN, site

FILES = "mlgym://tasks/{id}/files/{+path}"
SESSION = "mlgym://sessions/{session}"


async def completed(client: Client, template: str, name: str, value: str = "", **given: str) -> list[str]:
    reference = ResourceTemplateReference(uri=template)
    return (await client.complete(reference, {"name": name, "value": value}, given)).completion.values


@pytest.mark.parametrize("era", ERAS)
async def test_task_ids_are_completed_wherever_one_is_asked_for(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        for template, name in (("mlgym://tasks/{id}", "id"), (FILES, "id"), ("mlgym://leaderboard/{task}", "task")):
            assert await completed(client, template, name, "to") == [TASK]
        prompt = await client.complete(PromptReference(name="attempt"), {"name": "task", "value": "to"})
        assert prompt.completion.values == [TASK]


@pytest.mark.parametrize("era", ERAS)
async def test_the_files_of_a_task_are_completed_once_it_is_named(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        assert await completed(client, FILES, "path", id=TASK) == ["brief.md", "starter/answer.txt"]
        assert await completed(client, FILES, "path", "sta", id=TASK) == ["starter/answer.txt"]
        assert await completed(client, FILES, "path") == []
        assert await completed(client, FILES, "path", id="no-such-v1") == []


async def test_more_than_a_hundred_values_are_counted_and_the_first_are_given(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(1, 102):
        write_task(tmp_path / "tasks", id=f"{DOCUMENT['domain']}-v{number}")
    async with connected(world) as client:
        found = await client.complete(PromptReference(name="attempt"), {"name": "task", "value": "toys-v"})
        assert (len(found.completion.values), found.completion.total, found.completion.has_more) == (100, 101, True)


@pytest.mark.parametrize("era", ERAS)
async def test_a_callers_own_open_sessions_are_completed(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        first, second = await start(client), await start(client)
        assert await completed(client, SESSION, "session") == [first, second]
        assert await completed(client, f"{SESSION}/trajectory", "session", second[:4]) == [second]
        await told(client, "end", session=first)
        assert await completed(client, SESSION, "session") == [second]


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("era", ERAS)
async def test_over_http_sessions_are_completed_for_callers_who_are_known(
    tmp_path: Path, era: Era, token: str | None
) -> None:
    async with site(World(tmp_path), token=token) as served, served.client(era=era) as client:
        mine, other = await start(client), await start(client)
        assert await completed(client, SESSION, "session") == ([mine, other] if token else [])
        async with served.client(era=era, session=mine) as agent:
            assert await completed(agent, SESSION, "session") == [mine]
            assert await completed(agent, SESSION, "session", other) == []


async def test_a_pinned_server_completes_its_task_alone_and_starts_nothing_for_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world, task=TASK) as client:
        assert await completed(client, "mlgym://tasks/{id}", "id") == [TASK]
        assert await completed(client, FILES, "path", id="battle-of-the-sexes-v1") == []
        assert await completed(client, SESSION, "session") == []
        assert not (tmp_path / "data").exists()
