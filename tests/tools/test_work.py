"""`bash`, `edit` and `job`, as clients of both eras see them."""

import base64
from pathlib import Path

import anyio
import pytest
from mcp.types import ImageContent, RequestParamsMeta

from tests.fakes import World
from tests.tools.stage import ERAS, Era, connected, refused, start, text_of, told

KEY = RequestParamsMeta({"mlgym-mcp/key": "a"})  # type: ignore[typeddict-unknown-key]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


@pytest.mark.parametrize("era", ERAS)
async def test_a_reply_ends_with_exit_status_time_and_budget(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        lines = (await told(client, "bash", command="echo hello; false")).splitlines()
        assert lines[0] == "hello"
        assert lines[-1].startswith("[exit 1 · 0.")
        assert lines[-1].endswith("9 steps, 1 h 00 min of wall time left]")


async def test_bash_answers_with_text_alone(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        result = await client.call_tool("bash", {"command": "true"})
        assert result.structured_content is None
        assert len(result.content) == 1


async def test_a_command_that_outlasts_its_call_becomes_a_job_that_can_be_killed(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        text = await told(client, "bash", command="hang", wait_s=0.01)
        assert "still running as job j1" in text
        assert "[running as j1 · " in text
        assert "(Killed.)" in await told(client, "job", job="j1", action="kill")


async def test_a_job_is_fed_through_its_stdin(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        await told(client, "bash", command="cat", background=True)
        await told(client, "job", job="j1", action="input", input="fed\n", wait_s=0)
        await told(client, "job", job="j1", action="input", input="")
        assert "fed" in await told(client, "bash", command="cat /outputs/j1.log")


async def test_input_without_a_text_is_refused_with_what_to_give(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        await told(client, "bash", command="cat", background=True)
        assert "closes the job's stdin" in await refused(client, "job", job="j1", action="input")


async def test_calls_with_one_key_act_once(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        for _ in range(2):
            await client.call_tool("bash", {"command": "echo once >> answer.txt"}, meta=KEY)
        assert (await told(client, "bash", command="cat answer.txt")).count("once") == 1


async def test_create_says_whether_it_overwrote(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        for text, said in (("1\n", "new.txt is created."), ("2\n", "new.txt is overwritten.")):
            assert said in await told(client, "edit", command="create", path="new.txt", file_text=text)


async def test_a_replacement_shows_the_lines_around_it(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        change = {"command": "str_replace", "path": "answer.txt", "old_str": "start", "new_str": "end"}
        assert "end" in await told(client, "edit", **change)
        assert "start" not in await told(client, "edit", command="view", path="answer.txt", view_range=[1, -1])


async def test_an_image_is_shown_as_an_image(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        await start(client)
        next(iter(world.backend.guests.values())).files.contents["/workspace/plot.png"] = PNG
        result = await client.call_tool("edit", {"command": "view", "path": "plot.png"})
        image = result.content[0]
        assert isinstance(image, ImageContent)
        assert (image.mime_type, base64.b64decode(image.data)) == ("image/png", PNG)
        assert "steps" in text_of(result)


async def test_a_refused_edit_says_why_and_costs_nothing(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await start(client)
        assert "absent.txt" in await refused(client, "edit", command="view", path="absent.txt")
        assert "two line numbers" in await refused(client, "edit", command="view", path="answer.txt", view_range=[1])
        assert "9 steps" in await told(client, "bash", command="true")


async def test_the_last_step_closes_the_session_and_says_so(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = await start(client)
        for _ in range(9):
            await told(client, "bash", command="true")
        assert "The budget is spent" in await told(client, "bash", command="true", session=session)


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_gives_up_stops_waiting_and_nothing_more(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        with anyio.move_on_after(0.1):
            await client.call_tool("bash", {"command": "hang"})
        assert "job j1: running" in await told(client, "status")
