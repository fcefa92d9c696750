"""Pages that are watched: what happens is sent, once and in order, to whoever may see it, for as long as it may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest

from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.store import Store, Tokens
from mlgym_mcp.viewer import live
from mlgym_mcp.viewer.watch import AT_ONCE
from tests.fakes import World
from tests.tools.stage import start
from tests.viewer.stage import browsing, page_of, signed_in
from tests.web.stage import TOKEN, Site, shown, site, token_of

LIMIT = 30
"""Seconds; far more than is needed, for slow machines."""


class Stream:
    """The events of one connection."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, str, str]:
        """The next one: its name, its data and its id."""
        found: dict[str, list[str]] = {}
        with anyio.fail_after(LIMIT):
            async for line in self._lines:
                if not line:
                    return tuple("\n".join(found.get(name, [])) for name in ("event", "data", "id"))  # type: ignore[return-value]
                name, _, value = line.partition(":")
                found.setdefault(name, []).append(value.removeprefix(" "))
        raise EOFError

    async def until(self, event: str, part: str) -> str:
        """The data of the first event of this name that has this part in it."""
        while True:
            name, data, _ = await self.next()
            if name == event and part in data:
                return data


@asynccontextmanager
async def watching(http: httpx2.AsyncClient, place: str, **headers: str) -> AsyncIterator[Stream]:
    """What is sent to whoever watches a page."""
    async with http.stream("GET", place, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines())


async def test_calls_arrive_when_they_begin_and_when_they_are_answered(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        place = page_of(world, session)
        async with watching(http, f"{place}/live?after=0") as stream, watching(http, "/live") as listed:
            assert "0 of 10 steps" in await stream.until("put", 'id="head"')
            assert "Nothing was scored yet." in await stream.until("put", 'id="scores"')
            await client.call_tool("bash", {"session": session, "command": "echo hello"})
            assert "exit 0" in await stream.until("put", 'id="e1"')
            assert (await stream.next())[0] == "put"  # the head
            assert await stream.next() == ("seen", "", "1")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "validate", {"session": session})
                assert "going on" in await stream.until("put", 'id="e2"')
                world.referee.gate.set()
                assert "scored" in await stream.until("put", 'id="e2"')
            assert "the best 0.75" in await stream.until("put", 'id="scores"')
            assert "0.75" in await listed.until("put", "0.75")


async def test_a_watch_goes_on_where_its_connection_broke(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        for number in range(3):
            await client.call_tool("bash", {"session": session, "command": f"echo {number}"})
        async with watching(http, f"{page_of(world, session)}/live?after=1", **{"Last-Event-ID": "2"}) as stream:
            assert 'id="e3"' in (await stream.next())[1]


async def test_what_comes_after_a_call_that_nobody_answered_arrives_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        with Store.open(tmp_path / "data") as store:
            store.events.begin(session, "job", "{}", at=world.clock.now())
            for _ in range(3 * AT_ONCE):
                event = store.events.begin(session, "status", "{}", at=world.clock.now())
                store.events.finish(event, seconds=0.0, reply="{}")
        async with watching(http, f"{page_of(world, session)}/live") as stream:
            await stream.until("put", f'id="e{3 * AT_ONCE + 1}"')


async def test_a_call_that_is_forgotten_disappears(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client, browsing(served) as http:
        session = await start(client)
        with Store.open(tmp_path / "data") as store:
            event = store.events.begin(session, "status", "{}", at=world.clock.now())
            async with watching(http, f"{page_of(world, session)}/live") as stream:
                assert "going on" in await stream.until("put", 'id="e1"')
                store.events.remove(event)
                assert await stream.until("drop", "") == "e1"


async def test_whoever_may_not_see_a_session_is_sent_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEAT", 0.1)
    world = World(tmp_path)
    tokens = {name: token_of(world, name) for name in ("ada", "bob")}
    async with site(world) as served, browsing(served) as http:
        async with shown(served, tokens["ada"]).client() as client:
            place = page_of(world, await start(client))
        assert (await http.get(f"{place}/live")).status_code == 401
        await signed_in(http, tokens["bob"])
        assert (await http.get(f"{place}/live")).status_code == 404
        await signed_in(http, tokens["ada"])
        async with watching(http, f"{place}/live") as stream:
            await stream.until("put", 'id="head"')
            with Tokens.open(tmp_path / "data") as stored:
                stored.revoke(next(row.id for row in stored.list() if row.principal == "ada"), world.clock.now())
            with pytest.raises(EOFError):
                await stream.until("put", "nothing more")


async def test_no_more_watch_than_there_are_places_and_all_are_let_go_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    drain = Drain()
    async with site(World(tmp_path), token=TOKEN, drain=drain) as served:
        async with Site(served.url, served.headers).raw() as http:
            async with watching(http, "/live") as stream:
                await stream.until("seen", "")
                assert (await http.get("/live")).status_code == 503
                drain.end()
                with pytest.raises(EOFError):
                    await stream.until("put", "nothing more")
            assert (await http.get("/live")).text == ""  # the place is free, and nobody is kept
