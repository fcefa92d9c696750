"""One session's page: its trajectory, whatever agents have put there; its scores; what is looked for in it."""

import json
import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mlgym_mcp.store import Store
from mlgym_mcp.store.folder import DATABASE
from tests.fakes import World, faulty, scored, write_task
from tests.tools.stage import start
from tests.viewer.stage import browsing, page_of, read
from tests.web.stage import site

HOSTILE = (
    "<script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m \x07bell \u202egnirts\u202c \x00",
    "' onmouseover='alert(1)",
)


def acting(page: str) -> list[str]:
    """What of a page could do something: scripts, images, and whatever has handlers."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = [name for name, _ in attrs]
            if tag in ("script", "img", "iframe", "style") or any(name.startswith("on") for name in names):
                found.append(" ".join([tag, *sorted(names)]))

    Reader().feed(page)
    return found


async def test_every_call_is_told_with_what_was_asked_and_what_came_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)

        async def does(tool: str, **arguments: Any) -> None:
            await client.call_tool(tool, {"session": session, **arguments})

        await does("bash", command="echo hello\nexit 3")
        await does("edit", command="create", path="a.py", file_text="one\ntwo\n")
        await does("edit", command="str_replace", path="a.py", old_str="one\ntwo", new_str="one\nthree")
        await does("edit", command="view", path="a.py")
        await does("edit", command="str_replace", path="a.py", old_str="nowhere", new_str="")
        await does("bash", command="hang", background=True)
        await does("job", job="j2", action="kill")
        await does("validate")
        page = await http.get(page_of(world, session))
        articles = [" ".join(read_part.split()) for read_part in read(page).split(" 13:46:40")]
    told = read(page)
    assert "1 bash echo hello exit 3 step 1" in told and "command echo hello exit 3 output hello" in told
    assert "new file + one + two" in told
    assert "change one - two + three" in told
    assert "<ins>+ three\n</ins>" in page.text and "<del>- two\n</del>" in page.text
    assert re.search(r"edit str_replace .{0,80}failed", told) or "error" in told
    assert "runs on as j2" in told and "kill j2" in told
    assert "accuracy 0.75 (baseline 0.5)" in told and "reward +0.5000" in told
    assert len(articles) > 1


async def test_nothing_that_an_agent_writes_acts_and_no_secret_is_told_anywhere(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 100, "wall_time": 3600})
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        coloured = f"{session[:5]}\x1b[0m{session[5:]}"
        for text in (*HOSTILE, session, coloured, f"mlgym_{'x' * 43}", f"/s/{session}/mcp"):
            await client.call_tool("edit", {"session": session, "command": "create", "path": text, "file_text": text})
            await client.call_tool("bash", {"session": session, "command": f"echo '{text}'"})
        with Store.open(tmp_path / "data") as store:
            row = store.sessions.get(session)
        assert row is not None
        place = page_of(world, session)
        count = int(re.findall(r"(\d+) events", read(await http.get(place)))[0])
        places = ["/", place, f"{place}?text={session}", f"{place}?text=script", f"{place}/export.json"]
        places += [f"{place}/events/{number}" for number in range(1, count + 1)]
        for one in places:
            answer = await http.get(one)
            written = answer.text.replace(f'value="{session}"', "").replace(f"“{session}”", "")  # what was looked for
            assert session not in written and row.token not in written and "mlgym_" + "x" * 43 not in written, one
            if one.endswith(".json"):
                continue
            assert not set("\x00\x07\x1b\u202e") & set(answer.text), one
            assert acting(answer.text) == ["script src type"], one  # the viewer's own
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (await http.get(place)).text
        assert "{{ 7 * 7 }} {% raw %}" in read(await http.get(place))
        assert "0 of" in read(await http.get(f"{place}?text={session[:12]}"))


async def test_what_nobody_of_us_has_recorded_is_passed_over_and_hides_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        await client.call_tool("bash", {"session": session, "command": "echo hello"})
        with Store.open(tmp_path / "data") as store:
            for kind, request, reply in (
                ("edit", '{"command": "view", "view_range": [1]}', '{"budget": [1]}'),
                ("edit", '{"command": "create", "path": 1, "file_text": 5}', '"done"'),
                ("submit", "{}", '{"outcome": "scored"}'),
                ("job", '{"job": "j1"}', '{"result": 1}'),
                ("told", f'{{"{session}": {{"$base64": "?"}}}}', "[]"),
            ):
                event = store.events.begin(session, kind, request, at=1e18)
                store.events.finish(event, seconds=float("inf"), reply=reply)
        place = page_of(world, session)
        page = await http.get(place)
        assert page.status_code == 200 and "hello" in page.text and session not in page.text
        assert "can't be read" in read(page)
        for number in range(1, 7):
            assert (await http.get(f"{place}/events/{number}")).status_code == 200
        assert (await http.get(f"{place}?text={'a' * 10_000}")).status_code == 200
        with closing(sqlite3.connect(tmp_path / "data" / DATABASE)) as database, database:
            database.execute("UPDATE sessions SET budget = 'none'")
        lost = await http.get(place)
        assert (lost.status_code, "the server's log says why" in read(lost)) == (500, True)


async def test_scores_stand_over_steps_as_a_plot_and_as_a_table(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [scored(0.6), faulty("no_file", "it lacks a file"), scored(0.55), scored(0.8)]
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        before = await http.get(page_of(world, session))
        assert "Nothing was scored yet." in read(before)
        for _ in range(3):
            await client.call_tool("validate", {"session": session})
            await client.call_tool("bash", {"session": session, "command": "true"})
        await client.call_tool("submit", {"session": session})
        page, front = await http.get(page_of(world, session)), await http.get("/")
    [drawn] = re.findall(r'<svg class="plot".*?</svg>', page.text, re.DOTALL)
    told = "best validation so far: 3 scores, the best 0.8, the last 0.8; baseline: 0.5; target: 1."
    assert 'role="img"' in drawn and f">{told}</desc>" in drawn
    for row in ("1 validate 0.6 0.2 scored", "3 validate – -1 submission fault", "7 submit 0.8 0.6 scored"):
        assert row in read(page)
    assert "submitted" in read(page) and "0.6 accuracy 0.8 reward 0.6" in read(front)


async def test_events_are_found_by_tool_and_by_text_and_their_addresses_last(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        for text in ('say "a_b" 100%', "say aXb", "SAY A_B"):
            await client.call_tool("bash", {"session": session, "command": f"echo '{text}'"})
        await client.call_tool("edit", {"session": session, "command": "view", "path": "answer.txt"})
        place = page_of(world, session)

        async def found(**query: str) -> list[str]:
            answer = await http.get(place, params=query)
            return re.findall(r'<article class="event" id="e(\d+)"', answer.text)

        assert await found() == ["1", "2", "3", "4"]
        assert await found(tool="edit") == ["4"]
        assert await found(text='"a_b" 100%') == ["1"]
        assert await found(text="a_b") == ["1", "3"]
        assert await found(text="a_b", tool="edit") == []
        assert "in its trajectory" in read(await http.get(f"{place}/events/3"))
        exported = json.loads((await http.get(f"{place}/export.json")).text)
        assert [event["kind"] for event in exported["events"]] == ["bash", "bash", "bash", "edit"]
        assert (await http.get(f"/sessions/{exported['session']}", follow_redirects=False)).headers["location"] == place


async def test_a_page_that_there_is_not_is_the_last_or_the_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        await client.call_tool("bash", {"session": session, "command": "true"})
        for number in ("0", "-1", "x", "99999999999999", "7", "²", "٣"):
            for place in ("/", page_of(world, session)):
                assert (await http.get(place, params={"page": number})).status_code == 200
            assert (await http.get(f"{page_of(world, session)}/events/{number}")).status_code == 404


async def test_long_output_is_cut_to_its_ends_or_to_what_is_looked_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    long = "\n".join(f"line {number}" for number in range(1, 201))
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        await client.call_tool(
            "edit", {"session": session, "command": "create", "path": "a", "file_text": "\n".join(map(str, range(90)))}
        )
        await client.call_tool("bash", {"session": session, "command": f"printf '{long}'"})
        place = page_of(world, session)
        cut, found = read(await http.get(place)), await http.get(place, params={"text": "LINE 100"})
        whole = read(await http.get(f"{place}/events/2"))
    assert re.search(r"line 24 … 1,\d{3} characters, 16\d lines left out … line 189 ", cut), cut
    assert "54 lines left out" in cut
    assert "line 98 line 99 line 100 line 101" in read(found) and "<mark>line 100</mark>" in found.text
    assert "line 50" not in read(found) and "left out" not in whole and "line 150" in whole
