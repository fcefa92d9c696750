"""A session from its start to its score, one call after another and at the same time."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import (
    BudgetSpent,
    CallerError,
    CommandRefused,
    DataMissing,
    InvalidSubmission,
    SandboxGone,
    SandboxStartError,
    SessionBusy,
    SessionClosed,
    UnknownSession,
    UnknownTask,
)
from mlgym_mcp.sessions.acceptance import accepted
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import StartRequest
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)


async def test_a_session_opens_with_its_starter_files_and_ends_with_a_score(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        assert (session.state, session.flavour) == ("open", "sample")
        shown = await session.bash("cat answer.txt")
        assert (shown.result.head, shown.result.exit_code, shown.budget.steps) == (b"start\n", 0, 9)
        await session.edit(EditRequest("create", "answer.txt", file_text="better\n"))
        measured = await session.validate()
        assert (measured.outcome, measured.state, measured.budget.steps) == ("scored", "open", 7)
        final = await session.submit()
        assert (final.outcome, final.state, final.exit_status) == ("scored", "submitted", "submitted")
        with pytest.raises(SessionClosed, match=r"has been submitted.*accuracy 0.75 \(baseline 0.5\)"):
            await session.bash("true")


async def test_submitting_again_gives_the_same_score(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        first, second = await session.submit(), await session.submit()
        assert first.score == second.score
        assert len(world.referee.requests) == 1


async def test_the_sandbox_is_removed_once_the_session_is_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.submit()
        await until(lambda: not world.backend.guests)


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        (EditRequest("view", "answer.txt"), b"     1\tstart\n"),
        (EditRequest("view", "answer.txt", view_range=(1, -1)), b"     1\tstart\n"),
    ],
)
async def test_a_view_shows_numbered_lines(tmp_path: Path, request_: EditRequest, shown: bytes) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        reply = await session.edit(request_)
        assert reply.content is not None
        assert (reply.content.data, reply.content.total_lines) == (shown, 1)


async def test_edits_show_what_they_changed(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        replaced = await session.edit(EditRequest("str_replace", "answer.txt", old_str="start", new_str="end"))
        inserted = await session.edit(EditRequest("insert", "answer.txt", insert_line=0, new_str="first"))
        created = await session.edit(EditRequest("create", "answer.txt", file_text=""))
        assert (replaced.snippet, inserted.snippet) == (b"     1\tend\n", b"     1\tfirst\n     2\tend\n")
        assert created.overwrote is True


@pytest.mark.parametrize(
    "request_",
    [
        EditRequest("create", "a"),
        EditRequest("str_replace", "a", old_str=""),
        EditRequest("insert", "a", new_str="x"),
        EditRequest("view", "a", view_range=(3, 2)),
    ],
)
async def test_an_edit_with_arguments_that_do_not_fit_is_free(tmp_path: Path, request_: EditRequest) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(CallerError):
            await session.edit(request_)
        assert (await session.status()).budget.steps == 10


async def test_what_the_guest_refuses_is_free(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(CommandRefused, match="absent.txt"):
            await session.edit(EditRequest("view", "absent.txt"))
        assert (await session.status()).budget.steps == 10


async def test_a_command_that_outlasts_its_call_goes_on_as_a_job(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        begun = await session.bash("echo here; hang", call=Call(wait_s=0.01))
        assert (begun.result.running, begun.result.job, begun.result.head) == (True, "j1", b"here\n")
        assert [job.running for job in (await session.status()).jobs] == [True]
        killed = await session.job("j1", "kill")
        assert (killed.result.exit_code, killed.result.stopped, killed.budget.steps) == (-15, "killed", 9)


async def test_a_background_job_is_fed_until_its_input_is_closed(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        job = (await session.bash("cat", background=True)).result.job
        fed = await session.job(job, "input", data=b"hello\n", call=Call(wait_s=0))
        closed = await session.job(job, "input", data=b"")
        assert (fed.result.head, fed.result.running, closed.result.exit_code) == (b"hello\n", True, 0)


async def test_a_call_on_a_busy_shell_is_refused_free_and_names_what_runs(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _), anyio.create_task_group() as tasks:
        session = await manager.start(START)
        tasks.start_soon(session.bash, "hang")
        await until(lambda: session._ledger.charged_now == 1)
        with pytest.raises(SessionBusy, match="j1: 'hang'"):
            await session.bash("true", call=Call(wait_s=0.01))
        assert (await session.status()).budget.steps == 9
        await session.job("j1", "kill")


async def test_calls_on_the_shell_take_turns(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(session.bash, f"echo {number} >> log")
        assert sorted((await session.bash("cat log")).result.head.split()) == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_caller_that_leaves_stops_waiting_and_nothing_more(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, store):
        session = await manager.start(START)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.bash, "hang; true")
            await until(lambda: session._ledger.charged_now == 1)
            tasks.cancel_scope.cancel()
        await session.job("j1", "kill")
        await until(lambda: session._ledger.charged_now == 0)
        event = store.events.list(session.id)[0]
        assert event.finished
        assert '"exit_code": -15' in (event.reply or "")


async def test_a_waiting_caller_is_told_the_last_line(tmp_path: Path) -> None:
    told: list[str] = []

    async def notify(_seconds: float, line: str) -> None:
        told.append(line)

    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: session.bash("echo one; echo two; hang", call=Call(notify=notify)))
            await until(lambda: bool(told))
            await session.job("j1", "kill")
        assert told[0] == "two"


async def test_an_absent_file_costs_a_step_and_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", submission={"files": ["other.txt"], "kind": "data", "max_size": "1MiB"})
    async with world.server() as (manager, _):
        session = await manager.start(START)
        for call in (session.validate, session.submit):
            with pytest.raises(InvalidSubmission, match="other.txt is not in /workspace"):
                await call()
        assert (session.state, (await session.status()).budget.steps) == ("open", 8)


async def test_ending_a_session_forfeits_it(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START)
        view = await session.end()
        assert (view.state, view.exit_status, await session.end()) == ("ended", "exit_forfeit", view)
        with pytest.raises(SessionClosed, match="was ended"):
            await session.submit()


async def test_a_slow_preparation_leaves_the_session_waiting_with_the_reason(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START, call=Call(wait_s=0.01))
        view = await session.status(call=Call(wait_s=0))
        assert (view.state, view.reason, view.budget.wall_time) == ("waiting", "data is being prepared", 3600)
        with pytest.raises(SessionBusy, match="data is being prepared"):
            await session.bash("true", call=Call(wait_s=0))
        world.preparer.gate.set()
        assert (await session.bash("true")).result.exit_code == 0


async def test_a_session_that_waits_and_that_nobody_asks_for_gives_its_turn_to_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START, call=Call(wait_s=0))
        world.clock.advance(world.limits.lease_s - 1)
        await session.status(call=Call(wait_s=0))  # whoever asks for it keeps it waiting
        world.clock.advance(world.limits.lease_s - 1)
        await anyio.wait_all_tasks_blocked()
        assert session.state == "waiting"
        world.clock.advance(world.limits.tick_s)
        await until(lambda: session.state == "cut_off")


async def test_a_session_that_is_ended_while_it_waits_makes_no_sandbox(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await manager.start(START, call=Call(wait_s=0))
        assert (await session.end()).state == "ended"
        world.preparer.gate.set()
        await until(lambda: session._lodging.opening.done)
        assert not world.backend.guests


async def test_data_that_the_operator_has_to_fetch_is_named_by_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.preparer.error = DataMissing("rows.csv is missing; run: mlgym-mcp data prepare toy-v1")
    async with world.server() as (manager, _):
        with pytest.raises(DataMissing, match="data prepare"):
            await manager.start(START)


async def test_a_sandbox_that_does_not_start_loses_the_session_with_a_neutral_reason(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.backend.refuse_start = "secret detail of the host"
    async with world.server() as (manager, store):
        with pytest.raises(SandboxStartError):
            await manager.start(START)
        row = store.sessions.list()[0]
        assert (row.state, row.exit_status) == ("lost", "early_exit")
        assert "secret" not in str(row.reason)


async def test_a_sandbox_that_ends_loses_the_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        world.backend.guests[next(iter(world.backend.guests))].end()
        for _ in range(2):
            with pytest.raises(SessionClosed, match="was lost .its sandbox ended"):
                await session.bash("true")
        assert session.state == "lost"


async def test_starts_beyond_the_places_wait_for_one(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SessionLimits(max_sessions=1))
    async with world.server() as (manager, _):
        first = await manager.start(START)
        second = await manager.start(START, call=Call(wait_s=0.01))
        view = await second.status(call=Call(wait_s=0))
        assert (view.state, view.reason) == ("waiting", "waits for 1 place; this one is the next")
        await first.end()
        await until(lambda: second.state == "open")


async def test_a_start_beyond_a_long_queue_is_refused_but_for_one_that_is_repeated(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, limits=SessionLimits(max_waiting=2))
    world.preparer.gate = anyio.Event()
    async with world.server() as (manager, _):
        first, _ = [await manager.start(START, call=Call(wait_s=0, key=key)) for key in ("a", "b")]
        with pytest.raises(CallerError, match="2 sessions wait already"):
            await manager.start(START, call=Call(wait_s=0, key="c"))
        assert (await manager.start(START, call=Call(wait_s=0, key="a"))).id == first.id


async def test_sessions_are_found_only_by_their_own_principal(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        session = await manager.start(START, principal="one")
        assert manager.open_sessions("one") == [session]
        assert manager.open_sessions("two") == []
        assert await manager.get(session.id, principal="one") is session
        for handle, principal in ((session.id, "two"), ("absent", "one")):
            with pytest.raises(UnknownSession):
                await manager.get(handle, principal=principal)


async def test_what_cannot_be_lent_or_found_is_refused(tmp_path: Path) -> None:
    async with World(tmp_path).server() as (manager, _):
        with pytest.raises(UnknownTask, match="did you mean 'toy-v1'"):
            await manager.start(StartRequest("toy"))
        with pytest.raises(CallerError, match="2 GPUs"):
            await manager.start(StartRequest(TASK, gpus=2))


async def test_a_call_that_costs_more_than_is_left_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 10, "validations": 1})
    async with world.server() as (manager, _):
        session = await manager.start(START)
        assert (await session.validate()).budget.validations == 0
        with pytest.raises(BudgetSpent, match="All 1 validation of this session are used"):
            await session.validate()
        assert (await session.status()).budget.steps == 9


async def test_what_a_silent_sandbox_may_have_done_is_not_given_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        with pytest.raises(SandboxGone):
            async with accepted(session._lodging, "bash", {}, Call()):
                raise SandboxGone("it gave no answer")
        assert (await session.status()).budget.steps == 9


async def test_input_for_a_job_costs_a_step_and_following_it_none(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await manager.start(START)
        await session.bash("cat", background=True)
        assert (await session.job("j1", "input", data=b"x\n", call=Call(wait_s=0))).budget.steps == 8
        assert (await session.job("j1", "kill")).budget.steps == 8


async def test_of_very_many_principals_those_are_remembered_who_were_here_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgym_mcp.sessions.manager.MANY", 2)
    async with World(tmp_path).server() as (manager, _):
        started = {name: await manager.start(StartRequest(TASK), principal=name) for name in ("ada", "bob")}
        await manager.get(started["ada"].id, principal="ada")
        started["eve"] = await manager.start(StartRequest(TASK), principal="eve")
        known = {name: manager.last_used(name) for name in started}
        assert known == {"ada": started["ada"].id, "bob": None, "eve": started["eve"].id}
