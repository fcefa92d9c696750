"""Several servers on one data folder: what one leaves behind, another goes on with."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CallerError, SandboxError, SessionBusy, SessionClosed, UnknownSession
from mlgym_mcp.sandbox.base import Limits, SandboxSpec
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)


async def test_a_session_goes_on_with_the_next_server_after_a_graceful_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.bash("x=kept; echo mine > note")
    assert len(world.backend.guests) == 1
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        reply = await again.bash("cat note; echo $x")
        assert (reply.result.head, reply.budget.steps) == (b"mine\nkept\n", 8)


async def test_a_session_goes_on_after_its_server_was_killed(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (first, dead), world.server() as (second, _):
        session = await first.start(START)
        dead.instance.release()
        again = await second.get(session.id)
        assert (await again.bash("true")).budget.steps == 9


async def test_a_session_of_a_server_that_lives_is_left_to_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (first, _), world.server() as (second, _):
        session = await first.start(START)
        with pytest.raises(CallerError, match="Another server"):
            await second.get(session.id)
        assert (await session.bash("true")).result.exit_code == 0


async def test_the_submission_of_a_server_that_lives_is_scored_by_it_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 1})
    async with world.server() as (first, _), world.server() as (second, _):
        session = await first.start(START)
        gate = anyio.Event()
        await session.validate(call=Call(wait_s=0))
        await until(lambda: session.state == "cut_off")
        world.referee.gate = gate
        await until(lambda: len(world.referee.requests) == 2)
        again = await second.get(session.id)
        assert (await again.status()).exit_status == "autosubmission (max_steps)"
        with pytest.raises(SessionBusy, match="Another server"):
            await again.submit()
        gate.set()
        assert (await session.submit()).outcome == "scored"
        assert (await (await second.get(session.id)).submit()).outcome == "scored"
        assert len(world.referee.requests) == 2


async def test_a_session_that_is_over_refuses_at_once_on_any_later_server(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.end()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        with anyio.fail_after(5), pytest.raises(SessionClosed, match="was ended"):
            await again.bash("true")


async def test_only_one_of_two_servers_takes_a_session_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
    async with world.server() as (first, _), world.server() as (second, _):
        assert (await first.get(session.id)).state == "open"
        with pytest.raises(CallerError, match="Another server"):
            await second.get(session.id)


async def test_concurrent_uses_of_a_handle_adopt_the_session_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        handle = (await manager.start(START)).id
    async with world.server() as (manager, _):
        found: list[Session] = []
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(lambda: _append(found, manager, handle))
        assert found[0] is found[1] is found[2]


async def _append(found: list[Session], manager: SessionManager, handle: str) -> None:
    found.append(await manager.get(handle))


async def test_a_handle_of_another_principal_is_not_adopted(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START, principal="one")
    async with world.server() as (manager, _):
        with pytest.raises(UnknownSession):
            await manager.get(session.id, principal="two")


async def test_a_session_whose_sandbox_died_meanwhile_is_lost_with_its_trajectory(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.bash("true")
    next(iter(world.backend.guests.values())).end()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        assert (again.state, len(again.trajectory()[0])) == ("lost", 1)
        with pytest.raises(SessionClosed, match="its sandbox ended"):
            await again.bash("true")


async def test_a_session_that_waited_when_its_server_ended_opens_on_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START, call=Call(wait_s=0))
    world.preparer.gate.set()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        assert (await again.bash("cat answer.txt")).result.head == b"start\n"


async def test_a_validation_that_the_server_did_not_finish_is_given_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.validate(call=Call(wait_s=0))
        await until(lambda: bool(world.referee.requests))
    world.referee.gate.set()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        assert (await again.status()).budget.steps == 10
        assert (await again.validate()).outcome == "scored"


async def test_a_submission_that_the_server_did_not_finish_is_scored_by_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.submit(call=Call(wait_s=0))
        await until(lambda: bool(world.referee.requests))
    world.referee.gate.set()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        with pytest.raises(SessionClosed, match="being scored"):
            await again.bash("echo other > answer.txt")
        assert (await again.submit()).state == "submitted"
        first, second = world.referee.requests
        assert first.artefact == second.artefact


async def test_a_score_is_given_again_by_any_later_server(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        final = await session.submit()
    async with world.server() as (manager, _):
        again = await (await manager.get(session.id)).submit()
        assert (again.outcome, again.score, again.exit_status) == ("scored", final.score, "submitted")


async def test_a_session_is_not_charged_for_the_absence_of_a_server_neither_time_nor_lease(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        world.clock.advance(100)
    world.clock.advance(world.limits.lease_s + 1)
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        (guest,) = world.backend.guests.values()
        assert (again.state, again.left.wall_time) == ("open", 3500)
        assert guest.lifetime == 3500 + world.limits.orphan_grace


async def test_a_server_that_is_killed_leaves_its_last_sign_of_life(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (first, dead), world.server() as (second, _):
        session = await first.start(START)
        world.clock.advance(100)
        await until(lambda: dead.last_seen(dead.instance.id) == world.clock.now())
        dead.instance.release()
        dead.database.row("PRAGMA query_only = ON")  # it gives none any more
        world.clock.advance(2000)
        assert (await second.get(session.id)).left.wall_time == 3500


async def test_a_session_whose_wall_time_ended_before_its_server_is_cut_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.validate()
        manager._shared.task_group.cancel_scope.cancel()
        world.clock.advance(4000)
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        assert again.state == "cut_off"
        assert (await again.submit()).exit_status == "autosubmission (exit_cost)"


async def test_what_another_server_leaves_later_is_swept_away_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        await manager.start(START)
        await until(lambda: not world.clock.now() > 1_000_000)
        async with world.server() as (_, other):
            left = other.sandbox_id()
            await world.backend.start(SandboxSpec(id=left, token="", profile="plain", limits=Limits()))
            part = store.folder / "artefacts" / f".artefact.{other.instance.id}.0.part"
            part.touch()
            await manager.sweep()
            assert left in world.backend.guests and part.exists()
        world.clock.advance(world.limits.sweep_s)
        await until(lambda: left not in world.backend.guests)
        assert not part.exists()
        assert [path.stem for path in store.instance.folder.iterdir()] == [store.instance.id]


async def test_the_sweep_removes_sandboxes_that_nobody_owns_any_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    limits = Limits()
    async with world.server() as (manager, store):
        session = await manager.start(START)
        kept = session._ledger.row.sandbox
        dead = store.sandbox_id()
        await world.backend.start(SandboxSpec(id=dead, token="", profile="plain", limits=limits))
    await world.backend.start(SandboxSpec(id="feedfacefeedface", token="", profile="plain", limits=limits))
    async with world.server() as (manager, store), world.server() as (_, other):
        live = other.sandbox_id()
        await world.backend.start(SandboxSpec(id=live, token="", profile="plain", limits=limits))
        await manager.sweep()
        assert sorted(world.backend.guests) == sorted([kept, live, "feedfacefeedface"])


async def test_a_sandbox_that_cannot_be_removed_does_not_end_the_sweep(tmp_path: Path) -> None:
    class Stubborn(FakeBackend):
        async def remove(self, sandbox_id: str) -> None:
            if sandbox_id == stuck:
                raise SandboxError("the engine is busy")
            await super().remove(sandbox_id)

    world = World(tmp_path, backend=Stubborn())
    async with world.server() as (_, store):
        stuck, other = store.sandbox_id(), store.sandbox_id()
        for sandbox in (stuck, other):
            await world.backend.start(SandboxSpec(id=sandbox, token="", profile="plain", limits=Limits()))
    async with world.server() as (manager, _):
        await manager.sweep()
    assert list(world.backend.guests) == [stuck]


async def test_the_sweep_has_scored_what_was_cut_off_by_a_server_that_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.validate()
        world.referee.gate = anyio.Event()
        world.clock.advance(4000)
        await until(lambda: len(world.referee.requests) == 2)
    world.referee.gate.set()
    async with world.server() as (manager, store):
        await manager.sweep()
        await until(lambda: not store.sessions.unscored())


async def test_the_sweep_ends_sessions_whose_sandbox_is_dead_and_leaves_the_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        dead, live = await manager.start(START), await manager.start(START)
        world.backend.guests[dead._ledger.row.sandbox].end()
    async with world.server() as (manager, store):
        await manager.sweep()
        states = {row.id: row.state for row in store.sessions.list()}
        assert states == {dead.id: "lost", live.id: "open"}


async def test_a_session_of_another_backend_is_not_taken_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
    world.backend.name = "other"
    async with world.server() as (manager, _):
        with pytest.raises(CallerError, match="runs on fake, this server uses other"):
            await manager.get(session.id)


async def test_what_was_cut_off_and_not_scored_is_scored_by_the_next_server(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.validate()
        world.referee.gate = anyio.Event()
        world.clock.advance(4000)
        await until(lambda: len(world.referee.requests) == 2)
    world.referee.gate.set()
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        await until(lambda: len(again.trajectory()[0]) == 2)
        view = await again.status()
        assert view.score is not None
        assert (view.state, view.score.scores) == ("cut_off", {"accuracy": 0.75})
