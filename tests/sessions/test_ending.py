"""Ending a session from outside: its server obeys at its next look, and one without a server is taken over."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.ending import ask_to_end, named, take_over_and_end
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.store import SessionRow, Store
from tests.fakes import TASK, World, until
from tests.records import row

NOW = Call(wait_s=0)
START = StartRequest(TASK)
LIMIT = 30
"""Seconds for what an asker waits for; far more than it takes."""


async def asked(world: World, store: Store, handle: str) -> SessionRow:
    """How a session stands once the operator, in another process, has asked its server to end it."""
    stands: list[SessionRow] = []
    with Store.open(world.folder / "data") as outside:

        async def ask() -> None:
            stands.append(await ask_to_end(outside, named(outside, handle), within=LIMIT))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await until(lambda: store.wishes.of(handle) == "end")
            world.clock.advance(world.limits.tick_s)
    return stands[0]


async def test_the_server_of_an_open_session_ends_it_at_its_next_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        stands = await asked(world, store, session.id)
        assert (stands.state, stands.exit_status) == ("ended", "exit_forfeit")
        assert [event.kind for event in session.trajectory()[0]] == ["end"]
        await until(lambda: not world.backend.guests)


async def test_a_session_that_waits_to_open_is_ended_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, store):
        session = await manager.start(START, call=NOW)
        assert session.state == "waiting"
        assert (await asked(world, store, session.id)).state == "ended"


async def test_a_session_whose_submission_is_being_scored_keeps_its_score(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, store):
        session = await manager.start(START)
        await session.submit(call=NOW)
        await until(lambda: bool(world.referee.requests))
        store.wishes.add(session.id, "end", at=0.0)
        world.clock.advance(world.limits.tick_s)
        world.referee.gate.set()
        assert (await session.submit()).state == "submitted"


async def test_a_wish_that_outlives_its_server_is_obeyed_by_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        store.wishes.add(session.id, "end", at=0.0)
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        world.clock.advance(world.limits.tick_s)
        await until(lambda: again.state == "ended")


async def test_nobody_waits_for_a_server_that_does_not_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        with Store.open(tmp_path / "data") as outside, anyio.fail_after(LIMIT):
            stands = await ask_to_end(outside, named(outside, session.id), within=0)
        assert stands.state == "open"


async def test_a_session_whose_server_dies_while_it_is_asked_is_left_to_be_taken_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (first, dead), world.server() as (second, store):
        session = await first.start(START)
        dead.instance.release()
        with anyio.fail_after(LIMIT):
            stands = await ask_to_end(store, named(store, session.id), within=LIMIT)
        await take_over_and_end(second, stands)
        assert named(store, session.id).state == "ended"


async def test_what_was_submitted_before_the_server_went_is_scored_and_not_thrown_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.submit(call=NOW)
        await until(lambda: bool(world.referee.requests))
    world.referee.gate.set()
    world.referee.answers = [{"outcome": "infrastructure_fault"}]
    async with world.server() as (manager, store):
        await take_over_and_end(manager, named(store, session.id))
        assert named(store, session.id).state == "submitted"


def test_a_session_is_named_by_its_handle_or_by_the_beginning_of_its_sandboxes_name(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        one = store.sessions.add(row(store, "s1", sandbox="0123aa"))
        store.sessions.add(row(store, "s2", sandbox="0123bb"))
        assert named(store, "s1") == named(store, "0123a") == one
        with pytest.raises(SetupError, match="0123aa, 0123bb"):
            named(store, "0123")
        for nobody in ("s", "", "9", "%"):
            with pytest.raises(SetupError, match="no session has such a handle or sandbox"):
                named(store, nobody)
