"""Calls that carry the same key act once and get the same reply, at once and later."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from mlgym_mcp.errors import CallerError, CommandRefused, DataMissing, InvalidSubmission
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.record import from_json, to_json
from mlgym_mcp.sessions.replies import EditReply, FileContent
from mlgym_mcp.sessions.session import Session
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)
KEYED = Call(key="k1")


async def gather(*calls: Any) -> list[Any]:
    results: list[Any] = [None] * len(calls)

    async def one(index: int, call: Any) -> None:
        results[index] = await call()

    async with anyio.create_task_group() as tasks:
        for index, call in enumerate(calls):
            tasks.start_soon(one, index, call)
    return results


async def left_hanging(manager: SessionManager) -> Session:
    """A session whose keyed command hangs, and whose caller has gone away from it."""
    session = await manager.start(START)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: session.bash("echo x >> log; hang", call=KEYED))
        await until(lambda: session._ledger.charged_now == 1)
        tasks.cancel_scope.cancel()
    return session


async def test_a_command_with_a_key_runs_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        together = await gather(*[lambda: session.bash("echo x >> log", call=KEYED)] * 4)
        later = await session.bash("echo x >> log", call=KEYED)
        assert all(reply == later for reply in together)
        assert (await session.bash("cat log")).result.head == b"x\n"


async def test_replies_that_are_not_text_are_remembered_exactly(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        first = await session.bash(r"printf '\xff\x00'", call=KEYED)
        assert first.result.head == b"\xff\x00"
        assert await session.bash("ignored", call=KEYED) == first


async def test_scores_with_a_key_are_given_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        first, second = await gather(*[lambda: session.validate(call=KEYED)] * 2)
        assert first == second == await session.validate(call=KEYED)
        assert len(world.referee.requests) == 1


async def test_a_key_that_collected_a_pending_score_does_not_validate_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.validate(call=Call(wait_s=0))
        world.referee.gate.set()
        collected = await session.validate(call=KEYED)
        assert await session.validate(call=KEYED) == collected
        assert len(world.referee.requests) == 1


async def test_a_refused_call_may_be_repeated_under_its_key(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        view = EditRequest("view", "later.txt")
        with pytest.raises(CommandRefused):
            await session.edit(view, call=KEYED)
        await session.bash("echo there > later.txt")
        assert (await session.edit(view, call=KEYED)).content is not None


async def test_a_charged_refusal_is_given_again_and_not_charged_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", submission={"files": ["other.txt"], "kind": "data", "max_size": "1MiB"})
    async with world.server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(InvalidSubmission):
            await session.validate(call=KEYED)
        with pytest.raises(CallerError, match="other.txt"):
            await session.validate(call=KEYED)
        assert (await session.status()).budget.steps == 9


async def test_one_key_is_not_good_for_two_kinds_of_call(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        await session.bash("true", call=KEYED)
        with pytest.raises(CallerError, match="used for a `bash` call"):
            await session.validate(call=KEYED)


async def test_an_end_does_not_take_the_key_of_another_call(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        first = await session.bash("echo kept", call=KEYED)
        with pytest.raises(CallerError, match="used for a `bash` call"):
            await session.end(call=KEYED)
        assert await session.bash("ignored", call=KEYED) == first


async def test_a_start_that_failed_may_be_repeated_under_its_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = DataMissing("rows.csv is missing")
    async with world.server() as (manager, _):
        with pytest.raises(DataMissing):
            await manager.start(START, call=KEYED)
        world.preparer.error = None
        assert (await manager.start(START, call=KEYED)).state == "open"


async def test_a_start_with_a_key_makes_one_session_and_without_one_always_another(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        first, second = await gather(*[lambda: manager.start(START, call=KEYED)] * 2)
        assert first is second
        assert (await manager.start(START)).id != (await manager.start(START)).id


@pytest.mark.parametrize("old", ["edit", "input"])
async def test_what_was_done_and_not_recorded_is_not_done_again(tmp_path: Path, old: str) -> None:
    world = World(tmp_path)

    async def call(session: Session) -> object:
        if old == "input":
            return await session.job("j1", "input", data=b"x\n", call=Call(wait_s=0, key="k1"))
        return await session.edit(EditRequest("insert", "log", insert_line=0, new_str="x"), call=KEYED)

    async with world.server() as (manager, store):
        session = await manager.start(START)
        await session.bash("cat", background=True)
        await session.bash("echo first > log")
        await call(session)
        store.database.change("UPDATE events SET seconds = NULL, reply = NULL WHERE key = :key", {"key": "k1"})
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        await call(again)
        shown = await again.bash("cat log; cat /outputs/j1.log")
        assert (shown.result.head.count(b"x"), shown.budget.steps) == (1, 6)


async def test_a_call_whose_effect_nobody_knows_says_so_and_what_to_do(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        store.events.begin(session.id, "memory_write", "{}", at=0.0, key="k1")
    async with world.server() as (manager, store):
        await manager.get(session.id)
        event = store.events.by_key(session.id, "k1")
        assert event is not None and "look, and then, if it did not, call again with a new key" in str(event.error)


async def test_the_last_step_is_answered_to_who_asks_again_before_the_session_is_cut_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 1})
    async with world.server() as (manager, _):
        session = await left_hanging(manager)
    async with world.server() as (manager, _):
        again = await manager.get(session.id)
        reply = await again.bash("echo x >> log; hang", call=Call(wait_s=0.01, key="k1"))
        assert (reply.result.job, reply.state) == ("j1", "cut_off")


async def test_a_key_of_one_task_starts_no_session_on_another(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", id="other-v1")
    async with world.server() as (manager, _):
        await manager.start(START, call=KEYED)
        with pytest.raises(CallerError, match=f"start a session on {TASK}; give each `start` and `fork` a key of its"):
            await manager.start(StartRequest("other-v1"), call=KEYED)


async def test_a_command_whose_server_died_is_taken_up_again_by_its_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await left_hanging(manager)
    async with world.server() as (manager, store):
        again = await manager.get(session.id)
        reply = await again.bash("echo x >> log; hang", call=Call(wait_s=0.01, key="k1"))
        assert (reply.result.job, reply.result.running, reply.budget.steps) == ("j1", True, 9)
        assert len(store.events.list(session.id)) == 1


def test_a_reply_survives_its_json() -> None:
    content = FileContent("png", b"\x89PNG\xff", 0, False)
    budget = {"steps": 1, "wall_time": 2.0, "validations": None, "command_time": 2.0}
    reply = from_json(EditReply, to_json({**plain_edit(), "budget": budget, "content": content}))
    assert reply.content == content
    assert from_json(EditReply, to_json(reply)) == reply


def plain_edit() -> dict[str, Any]:
    return {"command": "view", "path": "ü\udc80", "seconds": 0.5, "state": "open"}
