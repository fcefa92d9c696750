"""Sandboxes that are started ahead: taken once each, unused before, and gone when nobody wants them."""

import dataclasses
from pathlib import Path

from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)


def warm_world(folder: Path, size: int = 1) -> World:
    return World(folder, limits=SessionLimits(notify_s=0.01, pool=size))


async def warmed(manager: SessionManager, world: World) -> str:
    """Start a session; the id of the sandbox that is kept warm after it."""
    before = set(world.backend.guests)
    session = await manager.start(START)
    await until(lambda: manager._shared.pool.warm == 1)
    return next(iter(set(world.backend.guests) - before - {session._ledger.row.sandbox}))


async def test_nothing_is_started_ahead_before_somebody_asked(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, _):
        await manager.sweep()
        assert world.backend.guests == {}


async def test_a_second_session_gets_the_sandbox_that_was_started_ahead(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, store):
        warm = await warmed(manager, world)
        second = await manager.start(START)
        assert (found := store.sessions.get(second.id)) is not None
        assert found.sandbox == warm
        assert (await second.bash("cat answer.txt")).result.head == b"start\n"


async def test_sessions_of_another_kind_do_not_get_it(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    write_task(tmp_path / "tasks", id="other-v1", resources={"memory": "2GiB", "disk": "512MiB"})
    async with world.server() as (manager, store):
        warm = await warmed(manager, world)
        other = await manager.start(StartRequest("other-v1"))
        assert (found := store.sessions.get(other.id)) is not None
        assert found.sandbox != warm


async def test_as_many_are_kept_as_the_operator_says(tmp_path: Path) -> None:
    world = warm_world(tmp_path, size=3)
    async with world.server() as (manager, _):
        await manager.start(START)
        await until(lambda: len(world.backend.guests) == 4)
        await manager.start(START)
        await until(lambda: len(world.backend.guests) == 5)


async def test_one_that_has_died_meanwhile_is_passed_over(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, store):
        warm = await warmed(manager, world)
        world.backend.guests[warm].end()
        second = await manager.start(START)
        assert second.state == "open"
        assert (found := store.sessions.get(second.id)) is not None
        assert found.sandbox != warm
        assert warm not in world.backend.guests


async def test_a_session_opens_though_none_can_be_started_ahead(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, _):
        await warmed(manager, world)
        world.backend.refuse_start = "the engine is tired"
        await manager.start(START)
        await until(lambda: manager._shared.pool.coming == 0)
        world.backend.refuse_start = None
        assert (await manager.start(START)).state == "open"


async def test_sandboxes_with_gpus_are_never_started_ahead(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    world.gpus.count = 2
    async with world.server() as (manager, _):
        await manager.start(dataclasses.replace(START, gpus=1))
        await manager.start(dataclasses.replace(START, gpus=1))
        assert len(world.backend.guests) == 2


async def test_a_server_that_ends_leaves_none_behind_that_nobody_took(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, _):
        warm = await warmed(manager, world)
    assert warm not in world.backend.guests
    assert len(world.backend.guests) == 1


async def test_those_of_a_server_that_was_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    world = warm_world(tmp_path)
    async with world.server() as (manager, dead):
        warm = await warmed(manager, world)
        dead.instance.release()
        async with world.server() as (second, _):
            await second.sweep()
            assert warm not in world.backend.guests
            assert len(world.backend.guests) == 1
