"""A session's course in the client's own window: three tools name a page that shows it, elsewhere text says it all."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextResourceContents

from mlgym_mcp.tools.app import URI
from tests.fakes import World, faulty, scored
from tests.tools.stage import ERAS, Era, connected, facts_of, start, told
from tests.tools.window import Window, in_a_browser, window_of

SHOWN = {"validate", "submit", "status"}


async def scored_thrice(world: World, client: Client) -> str:
    """A session with two scores and a fault between them."""
    world.referee.answers = [scored(0.55), faulty("bad_rows", "row 3 is 'x'"), scored(0.8)]
    session = await start(client)
    for number in range(3):
        await told(client, "bash", command=f"echo {number} > answer.txt")
        await told(client, "validate")
    await told(client, "bash", command="hang", background=True)
    return session


@pytest.mark.parametrize("pinned", [{}, {"task": "toy-v1"}], ids=["all tasks", "one task"])
@pytest.mark.parametrize("era", ERAS)
async def test_the_tools_that_show_a_session_name_the_page(tmp_path: Path, era: Era, pinned: dict[str, Any]) -> None:
    async with connected(World(tmp_path), era=era, **pinned) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools if (tool.meta or {}).get("ui") == {"resourceUri": URI}} == SHOWN
        [page] = (await client.read_resource(URI)).contents
        assert isinstance(page, TextResourceContents)
        assert page.mime_type == "text/html;profile=mcp-app"
        assert "://" not in page.text.replace("http://www.w3.org/2000/svg", "")
        assert URI not in {str(resource.uri) for resource in (await client.list_resources()).resources}


async def test_status_tells_a_sessions_course(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        await scored_thrice(world, client)
        course = facts_of(await client.call_tool("status", {}))["course"]
        points = [(point["step"], point["outcome"], point["value"]) for point in course["points"]]
        assert points == [(2, "scored", 0.55), (4, "submission_fault", None), (6, "scored", 0.8)]
        assert (course["metric"], course["baseline"], course["target"], course["published"]) == ("accuracy", 0.5, 1, {})
        assert (course["steps"], course["wall_time"]) == (10, 3600)


@in_a_browser
async def test_the_window_follows_a_session_or_shows_what_it_was_given_where_it_may_not_ask(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client, window_of(client) as window:
        session = await scored_thrice(world, client)
        await window.show("status", theme="dark", session=session)
        await shows_the_course(window)
        world.referee.answers = [scored(0.9)]
        await told(client, "submit")
        await window.app.get_by_role("button", name="Refresh").click()
        await window.says("submitted")
        assert await window.app.locator("circle.submit").count() == 1
        assert {"ui/initialize", "ui/notifications/size-changed", "tools/call"} <= await window.heard()

        await start(client)
        await window.show("validate", asks=False)
        await window.says("accuracy 0.75, reward 0.5")
        assert await window.app.locator("#refresh").is_hidden()
        await window.show("status", asks=False, session="no-such-session")
        await window.says("no session with this handle")
        assert "tools/call" not in await window.heard()
        assert window.complaints == []


async def shows_the_course(window: Window) -> None:
    await window.says("7 of 10 steps used")
    await window.says("accuracy, more is better")
    assert await window.app.locator("circle").count() == 2
    assert await window.app.locator(".fault").count() == 1
    drawn = window.app.get_by_role("img")
    assert await drawn.get_attribute("aria-label") == "accuracy over steps: step 2: 0.55, step 6: 0.8"
    assert "j4 runs" in await window.app.locator("#job-list").inner_text()
