"""What ends in a score: pending ones, faults of the submission and of the server, and the end of the budget."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from mlgym_mcp.errors import ScoringError, SessionClosed
from mlgym_mcp.sandbox.fake.stream import FakeStream, Reply
from mlgym_mcp.sandbox.frames import Header
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.keeper import OVERTIME
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.replies import CommandReply
from mlgym_mcp.sessions.session import Session
from tests.fakes import TASK, World, faulty, scored, until, write_task

NOW = Call(wait_s=0)
START = StartRequest(TASK)
BROKEN: dict[str, Any] = {"outcome": "infrastructure_fault"}


async def start(world: World, manager: SessionManager, **changes: Any) -> Session:
    write_task(world.folder / "tasks", **changes)
    return await manager.start(START)


async def test_a_pending_validation_is_collected_free_by_the_next_call(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await start(world, manager)
        pending = await session.validate(call=NOW)
        assert (pending.outcome, pending.score) == ("pending", None)
        world.referee.gate.set()
        collected = await session.validate()
        assert (collected.outcome, collected.budget.steps, len(world.referee.requests)) == ("scored", 9, 1)
        assert (await session.validate()).budget.steps == 8


async def test_a_pending_submission_closes_the_session_to_work_and_is_collected(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await start(world, manager)
        assert (await session.submit(call=NOW)).outcome == "pending"
        await until(lambda: bool(world.referee.requests))
        with pytest.raises(SessionClosed, match="being scored"):
            await session.bash("true")
        with pytest.raises(SessionClosed, match="being scored"):
            await session.end()
        world.referee.gate.set()
        assert (await session.submit()).state == "submitted"


async def test_a_session_that_is_ended_while_its_artefact_is_taken_is_not_submitted(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager)
        guest = next(iter(world.backend.guests.values()))
        pull = guest._operations["pull"]

        def end_then_pull(stream: FakeStream, header: Header, body: bytes, reply: Reply) -> None:
            session._ledger.close("ended", "exit_forfeit")
            pull(stream, header, body, reply)

        guest._operations["pull"] = end_then_pull
        with pytest.raises(SessionClosed, match="was ended"):
            await session.submit()
        assert (session.state, world.referee.requests) == ("ended", [])


async def test_what_the_judge_says_of_a_validation_reaches_the_agent_and_of_a_submission_only_its_code(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("bad_rows", "row 3: 'x'"), faulty("bad_rows", "row 3: 'x'")]
    async with world.server() as (manager, _):
        session = await start(world, manager)
        measured = await session.validate()
        final = await session.submit()
        assert (measured.fault, final.fault) == ("row 3: 'x'", "bad_rows")
        assert final.score is not None
        assert final.score.fault_message is None


async def test_data_at_fault_costs_a_step_and_never_the_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("bad_rows", "")]
    async with world.server() as (manager, _):
        session = await start(world, manager)
        first = await session.submit()
        assert (first.outcome, first.state, first.budget.steps) == ("submission_fault", "open", 9)
        assert (await session.submit()).state == "submitted"


async def test_code_at_fault_ends_the_session(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("exception", "")]
    async with world.server() as (manager, _):
        code = {"files": ["answer.txt"], "kind": "code", "max_size": "1MiB"}
        session = await start(world, manager, submission=code)
        final = await session.submit()
        assert (final.state, final.exit_status) == ("submitted", "evaluation_format_error (submit)")
        with pytest.raises(SessionClosed, match="could not be scored: exception"):
            await session.bash("true")


@pytest.mark.parametrize("fault", [BROKEN, ScoringError("the judge was lost"), KeyError("a bug")])
async def test_a_fault_of_the_server_is_free_and_safe_to_repeat(tmp_path: Path, fault: Any) -> None:
    world = World(tmp_path)
    world.referee.answers = [fault, scored(0.6), fault, scored(0.7)]
    async with world.server() as (manager, _):
        session = await start(world, manager)
        failed = await session.validate()
        assert (failed.outcome, failed.budget.steps, failed.held) == ("infrastructure_fault", 10, False)
        assert (await session.validate()).budget.steps == 9
        failed = await session.submit()
        assert (failed.outcome, failed.budget.steps, failed.state) == ("infrastructure_fault", 9, "open")
        final = await session.submit()
        assert final.score is not None
        assert (final.state, final.score.scores) == ("submitted", {"accuracy": 0.7})


async def test_an_artefact_that_fails_twice_is_held_for_the_operator(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [BROKEN] * 4
    async with world.server() as (manager, _):
        session = await start(world, manager)
        assert [(await session.validate()).held for _ in range(3)] == [False, True, True]
        assert [(await session.submit()).held for _ in range(3)] == [False, True, True]
        assert (session.state, len(world.referee.requests)) == ("submitted", 4)


async def test_the_last_step_cuts_off_and_submits_what_last_validated(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 3})
        await session.validate()
        await session.bash("echo worse > answer.txt")
        last = await session.bash("true")
        assert (last.state, last.budget.steps) == ("cut_off", 0)
        final = await session.submit()
        assert (final.outcome, final.exit_status) == ("scored", "autosubmission (max_steps)")
        validated, submitted = world.referee.requests
        assert (submitted.phase, submitted.artefact.sha256) == ("submit", validated.artefact.sha256)
        with pytest.raises(SessionClosed, match=r"was cut off \(all steps .*accuracy 0.75"):
            await session.bash("true")


async def test_a_validation_as_the_last_step_is_submitted(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 1})
        assert (await session.validate()).state == "cut_off"
        assert (await session.submit()).outcome == "scored"


async def test_a_submission_that_nothing_is_left_for_waits_for_the_validation_that_ends_the_session(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 2})
        assert (await session.validate(call=NOW)).outcome == "pending"
        await session.bash("true")
        assert (await session.submit(call=NOW)).outcome == "pending"
        world.referee.gate.set()
        final = await session.submit()
        assert (final.outcome, final.exit_status) == ("scored", "autosubmission (max_steps)")
        assert [asked.phase for asked in world.referee.requests] == ["validate", "submit"]


async def test_a_validation_that_is_given_back_leaves_the_step_to_the_submission_that_waits(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate, world.referee.answers = anyio.Event(), [BROKEN, scored(0.7)]
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 2})
        await session.validate(call=NOW)
        await session.bash("true")
        await session.submit(call=NOW)
        world.referee.gate.set()
        assert (await session.submit()).exit_status == "submitted"


async def test_a_submission_as_the_last_step_is_not_cut_off(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 1})
        assert (await session.submit()).exit_status == "submitted"


async def test_a_session_cut_off_without_a_valid_artefact_has_nothing_to_score(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 1})
        await session.bash("true")
        final = await session.submit()
        assert (final.outcome, final.exit_status) == ("nothing_to_score", "submission_not_found (max_steps)")


async def test_a_fault_while_cutting_off_is_tried_once_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"steps": 1})
        world.referee.answers = [scored(0.6), BROKEN, scored(0.6)]
        await session.validate()
        assert (await session.submit()).outcome == "scored"


async def test_the_end_of_the_wall_time_cuts_off_while_nobody_calls(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager)
        await session.validate()
        world.clock.advance(3601)
        await until(lambda: session.state == "cut_off")
        assert (await session.submit()).exit_status == "autosubmission (exit_cost)"


async def test_a_command_that_the_end_of_the_wall_time_ends_answers_with_its_output(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _), anyio.create_task_group() as tasks:
        session = await start(world, manager)
        replies: list[CommandReply] = []

        async def hang() -> None:
            replies.append(await session.bash("echo here; hang"))

        world.clock.advance(3600 - 0.5)
        tasks.start_soon(hang)
        await until(lambda: session._ledger.calls_now == 1)
        world.clock.advance(1)
        await until(lambda: bool(replies))
        result = replies[0].result
        assert (result.head, result.stopped, replies[0].state) == (b"here\n", "command_time", "cut_off")


async def test_a_command_that_outlasts_the_wall_time_answers_that_the_session_is_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _), anyio.create_task_group() as tasks:
        session = await start(world, manager)
        refused: list[str] = []

        async def hang() -> None:
            try:
                await session.bash("hang")
            except SessionClosed as error:
                refused.append(str(error))

        tasks.start_soon(hang)
        await until(lambda: session._ledger.charged_now == 1)
        world.clock.advance(3600 + OVERTIME)
        await until(lambda: bool(refused))
        assert "its wall time was over" in refused[0]


async def test_waiting_for_a_place_to_be_scored_costs_no_wall_time_but_scoring_does(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        first, second = await start(world, manager), await start(world, manager)
        await first.validate(call=NOW)
        await until(lambda: bool(world.referee.requests))
        await second.validate(call=NOW)
        await until(lambda: second._ledger.budget.excuses == 1)
        world.clock.advance(3000)
        world.referee.gate.set()
        assert (await first.validate()).budget.wall_time == 600
        assert (await second.validate()).budget.wall_time == 3600


async def test_a_session_that_nobody_uses_is_cut_off_at_the_end_of_its_lease(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"wall_time": 10**6})
        world.clock.advance(world.limits.lease_s + 1)
        await until(lambda: session.state == "cut_off")
        assert (await session.status()).exit_status == "submission_not_found (exit_error)"


async def test_a_session_that_was_scored_for_longer_than_its_lease_has_all_of_it_afterwards(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with world.server() as (manager, _):
        session = await start(world, manager, budget={"wall_time": 10**6})
        await session.validate(call=NOW)
        await until(lambda: bool(world.referee.requests))
        world.clock.advance(world.limits.lease_s + 1)
        world.referee.gate.set()
        await until(lambda: session._ledger.charged_now == 0)
        assert session._ledger.row.lease_until == world.clock.now() + world.limits.lease_s


async def test_a_running_job_keeps_a_session_that_nobody_calls(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await start(world, manager, budget={"wall_time": 10**6, "command_time": 10**5})
        await session.bash("hang", call=NOW)
        before = session._ledger.row.lease_until
        world.clock.advance(world.limits.lease_s + 1)
        await until(lambda: session._ledger.row.lease_until > before)
        assert session.state == "open"


async def test_the_sandbox_is_renewed_to_outlive_the_wall_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        await start(world, manager)
        guest = next(iter(world.backend.guests.values()))
        assert guest.lifetime == 3600 + world.limits.orphan_grace
        world.clock.advance(world.limits.tick_s)
        await until(lambda: guest.lifetime == 3600 + world.limits.orphan_grace - world.limits.tick_s)


async def test_a_submission_that_nobody_asks_for_again_is_scored_at_the_end_of_the_budget(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [BROKEN]
    async with world.server() as (manager, _):
        session = await start(world, manager)
        await session.submit()
        world.clock.advance(3601)
        await until(lambda: session.state == "cut_off")
        assert (await session.submit()).outcome == "scored"
        first, second = world.referee.requests
        assert first.artefact == second.artefact
