"""Faults of ours and of the sandbox: charged to nobody, kept on record, and never the end of everything else."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mlgym_mcp.errors import CallerError, CommandRefused, SandboxGone, SessionClosed, StoreError
from mlgym_mcp.sessions import ledger
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.store.database import Database
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)
KEYED = Call(key="k1")


async def test_a_call_that_meets_a_bug_is_given_back_and_on_record(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(KeyError):
            async with accepted(session._lodging, "validate", {}, PATIENT):
                raise KeyError("accuracy")
        (event,) = session.trajectory()[0]
        assert (session.left.steps, event.finished) == (10, True)
        assert "through no fault of its caller" in str(event.error) and "accuracy" not in str(event.error)


async def test_what_went_wrong_with_a_sandbox_is_told_neither_in_the_trajectory_nor_to_a_repetition(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(SandboxGone):
            async with accepted(session._lodging, "bash", {}, KEYED):
                raise SandboxGone("/srv/data")
        with pytest.raises(CallerError, match="through no fault of its caller") as again:
            await session.bash("true", call=KEYED)
        (event,) = session.trajectory()[0]
        assert "/srv/data" not in f"{again.value} {event.error}"


async def test_a_bug_of_the_preparation_loses_the_session_with_a_neutral_reason(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = KeyError("secret")
    async with world.server() as (manager, store):
        with pytest.raises(KeyError):
            await manager.start(START)
        (row,) = store.sessions.list()
        assert row.state == "lost"
        assert "secret" not in str(row.reason)


async def test_a_store_that_refuses_once_does_not_end_the_time_limit(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        store.database.row("PRAGMA busy_timeout = 0")
        with Database.open(tmp_path / "data" / "mlgym.sqlite") as other, other.write(), capture_logs() as logs:
            world.clock.advance(3601)
            await until(lambda: any(entry["event"] == "session_not_kept" for entry in logs))
        world.clock.advance(1)
        await until(lambda: session.state == "cut_off")


async def test_a_sandbox_that_died_unnoticed_loses_its_session_at_the_end_of_the_lease(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"wall_time": 10**6})
    async with world.server() as (manager, _):
        session = await manager.start(START)
        next(iter(world.backend.guests.values())).end()
        world.clock.advance(world.limits.lease_s + 1)
        await until(lambda: session.state == "lost")


async def test_the_failure_of_work_that_nobody_waits_for_is_logged() -> None:
    async def fail() -> None:
        raise StoreError("database is locked")

    with capture_logs() as logs:
        await Operation(fail).run()
    assert [entry["error"] for entry in logs] == ["database is locked"]


async def test_the_failure_of_work_that_somebody_waits_for_is_theirs_to_tell(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        next(iter(world.backend.guests.values())).end()
        with capture_logs() as logs, pytest.raises(SessionClosed):
            await session.bash("true")
        assert not [entry for entry in logs if entry["event"] == "operation_failed"]


async def test_calls_that_cost_nothing_fill_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "FREE_KEPT", 2000)
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        await session.bash("echo kept")
        for _ in range(50):
            await session.job("j1")
            with pytest.raises(CommandRefused):
                await session.edit(EditRequest("str_replace", "absent", old_str="x" * 100, new_str=""))
        events, number = session.trajectory()
        assert number == len(events) < 10
        assert (events[0].kind, session.left.steps) == ("bash", 9)
