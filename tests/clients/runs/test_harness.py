"""Runs: every attempt is made once, whatever comes between, and is kept with all that it came to."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mlgym_clients.agents.agent import Ending, Seat, Unreachable
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.folder import write
from mlgym_clients.records.message import Message
from mlgym_clients.runs.lock import locked
from mlgym_clients.runs.plan import BadPlan
from mlgym_clients.server import Server

from mlgym_mcp.errors import SetupError
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.principal import ANONYMOUS
from mlgym_mcp.store import Store
from tests.clients.runs.stage import Stage, Worker, does_nothing, submits
from tests.fakes import TASK, World, faulty, scored, until


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(World(tmp_path))


def sessions(stage: Stage) -> list[str]:
    """The states of all sessions that there have been, in the order of the alphabet."""
    with Store.open(stage.world.folder / "data") as store:
        return sorted(row.state for row in store.sessions.list())


async def session_left(stage: Stage, key: str | None = None, *, away: float = 0) -> str:
    """A session that is open when its server stops, or `away` seconds earlier; its handle."""
    async with stage.world.server() as (manager, _):
        call = Call(wait_s=5, key=key)
        session = await manager.start(StartRequest(TASK), principal=ANONYMOUS, call=call)
        assert session.state == "open"
        stage.world.clock.advance(away)
        await until(lambda: session.state == ("cut_off" if away else "open"))
        return session.id


async def test_each_attempt_is_made_once_in_its_turn_and_kept_with_all_that_was_done(stage: Stage) -> None:
    async def works(seat: Seat) -> None:
        await seat.client.call_tool("bash", {"command": "echo hello"})
        await submits(seat)

    stage.world.referee.answers += [scored(0.6), scored(0.7)]
    worker, again = Worker(works), Worker(works)
    assert await stage.run(worker, attempts=2, concurrency=1) == "finished"
    attempt = stage.attempt()
    assert (attempt.state, attempt.exit_status, attempt.steps, attempt.tries) == ("finished", "submitted", 3, 1)
    assert attempt.actions == {"bash": 1, "validate": 1, "submit": 1}
    assert [(one.phase, one.step, one.scores) for one in attempt.measures] == [
        ("validate", 2, {"accuracy": 0.6}),
        ("submit", 3, {"accuracy": 0.7}),
    ]
    assert attempt.submission == attempt.measures[1]
    assert attempt.best is not None and attempt.best.scores == {"accuracy": 0.7}
    assert [event["kind"] for event in stage.folder.read_events(attempt.key)] == ["bash", "validate", "submit"]
    assert sessions(stage) == ["submitted", "submitted"]
    with Store.open(stage.world.folder / "data") as store:
        (agent,) = {row.agent for row in store.sessions.list()}
    assert agent, "a server that keeps notes keeps them apart"
    assert [seat.number for seat in worker.seats] == [1, 2]
    assert worker.seats[0].seed != worker.seats[1].seed
    assert await stage.run(again, attempts=2) == "finished"
    assert again.seats == []


async def test_an_agent_sees_one_session_alone_and_what_it_leaves_there_is_submitted_for_it(stage: Stage) -> None:
    async def validates(seat: Seat) -> None:
        offered.update(tool.name for tool in (await seat.client.list_tools()).tools)
        await seat.client.call_tool("validate")
        # So does its program, at the server's own address, by a token for this session.
        async with Server(seat.url.removesuffix("/mcp"), seat.headers).connect() as program:
            assert seat.session not in seat.url
            assert {tool.name for tool in (await program.list_tools()).tools} == offered

    offered: set[str] = set()
    await stage.run(Worker(validates))
    assert {"bash", "validate", "submit"} <= offered
    assert not offered & {"start", "list_tasks", "cut_off", "score_best"}
    attempt = stage.attempt()
    assert attempt.submission is not None
    assert attempt.exit_status == "autosubmission (submit)"


async def test_who_forfeits_has_no_score(stage: Stage) -> None:
    async def forfeits(seat: Seat) -> Ending:
        return Ending("exit_forfeit")

    await stage.run(Worker(forfeits))
    assert (stage.attempt().exit_status, stage.attempt().submission) == ("exit_forfeit", None)


async def test_an_agents_exception_is_its_own_fault_and_an_attempt_with_a_result(stage: Stage) -> None:
    async def fails(seat: Seat) -> None:
        await seat.client.call_tool("validate")
        raise ValueError("no idea")

    assert await stage.run(Worker(fails)) == "finished"
    attempt = stage.attempt()
    assert (attempt.exit_status, attempt.detail) == ("autosubmission (exit_error)", "ValueError: no idea")
    assert (attempt.submission is not None, attempt.tries) == (True, 1)


@pytest.mark.parametrize(("limit", "most"), [("wall_time", 1.5), ("cost", 0.5)])
async def test_a_limit_ends_an_attempt_and_what_there_is_is_submitted(stage: Stage, limit: str, most: Any) -> None:
    async def thinks(seat: Seat) -> None:
        await seat.client.call_tool("validate")
        seat.meter.add(Usage(requests=1, input_tokens=60, output_tokens=40, cost=0.5))
        await anyio.sleep_forever()

    await stage.run(Worker(thinks), **{limit: most})
    attempt = stage.attempt()
    assert (attempt.limit, attempt.exit_status) == (limit, "autosubmission (exit_cost)")
    assert attempt.usage.tokens == 100


async def test_a_limit_that_does_not_hold_an_agent_is_told(stage: Stage) -> None:
    await stage.run(Worker(does_nothing), agents=[{"kind": "codex", "name": "worker"}], cost=1)
    assert "worker: no limit of cost ends it on the way" in stage.said.getvalue()


async def test_the_servers_own_limit_is_told_too(stage: Stage) -> None:
    async def goes_on(seat: Seat) -> None:
        for _ in range(20):
            await seat.client.call_tool("validate")

    await stage.run(Worker(goes_on), steps=3)
    attempt = stage.attempt()
    assert (attempt.limit, attempt.steps, attempt.exit_status) == ("steps", 3, "autosubmission (max_steps)")


async def test_what_the_infrastructure_failed_at_is_tried_again_and_kept_beside(stage: Stage) -> None:
    async def works(seat: Seat) -> None:
        (seat.folder / "notes.txt").write_text(str(len(worker.seats)))
        if len(worker.seats) == 1:
            raise Unreachable("the network is gone")
        await submits(seat)

    worker = Worker(works)
    assert await stage.run(worker) == "finished"
    assert (stage.attempt().tries, (stage.place() / "notes.txt").read_text()) == (2, "2")
    assert (stage.place() / "tries/1/notes.txt").read_text() == "1"
    assert sessions(stage) == ["ended", "submitted"]


async def test_what_the_infrastructure_fails_at_again_and_again_has_failed_and_is_tried_in_the_next_run(
    stage: Stage,
) -> None:
    stage.world.backend.refuse_start = "no room"
    assert await stage.run(Worker(submits)) == "failed"
    assert (stage.attempt().state, stage.attempt().tries) == ("failed", 3)
    assert "its sandbox could not be started" in (stage.attempt().detail or "")
    stage.world.backend.refuse_start = None
    assert await stage.run(Worker(submits)) == "finished"
    assert stage.attempt().tries == 4


async def test_a_submission_at_fault_is_a_result(stage: Stage) -> None:
    stage.world.referee.answers += [faulty("bad_row", "row 3"), faulty("bad_row", "row 3")]
    await stage.run(Worker(submits))
    attempt = stage.attempt()
    assert (attempt.state, [one.outcome for one in attempt.measures][:2]) == ("finished", ["submission_fault"] * 2)


async def test_a_cancelled_run_ends_its_sessions_and_goes_on_later(stage: Stage) -> None:
    async def waits(seat: Seat) -> None:
        scope.cancel()
        await anyio.sleep_forever()

    scope = anyio.CancelScope()
    assert await stage.run(Worker(waits), scope=scope) == "interrupted"
    assert (stage.attempt().state, stage.attempt().detail) == ("running", "interrupted")
    assert sessions(stage) == ["ended"]
    assert await stage.run(Worker(submits)) == "finished"
    assert (stage.attempt().tries, stage.attempt().detail) == (1, None)
    assert sessions(stage) == ["ended", "submitted"]


async def test_an_attempt_that_had_ended_when_its_run_was_killed_is_collected(stage: Stage) -> None:
    await stage.run(Worker(submits))
    kept = stage.attempt()
    stage.folder.add_message(kept.key, Message(role="assistant", usage=Usage(requests=1, input_tokens=7)))
    stage.folder.write_attempt(kept.model_copy(update={"state": "running", "measures": (), "best": None}))
    again = Worker(submits)
    await stage.run(again)
    assert again.seats == []
    collected = stage.attempt()
    assert (collected.session, collected.measures) == (kept.session, kept.measures)
    assert collected.usage.tokens == 7


async def test_an_attempt_that_was_still_open_when_its_run_was_killed_is_begun_anew(stage: Stage) -> None:
    await stage.run(Worker(submits))
    left = await session_left(stage)
    stage.folder.write_attempt(stage.attempt().model_copy(update={"state": "running", "session": left}))
    worker = Worker(submits)
    await stage.run(worker)
    assert (len(worker.seats), stage.attempt().tries) == (1, 1)
    assert sessions(stage) == ["ended", "submitted", "submitted"]


async def test_a_session_that_was_started_when_its_run_was_killed_but_not_written_down_is_used(stage: Stage) -> None:
    key = "0123456789abcdef" * 2
    left = await session_left(stage, key)
    write(stage.place() / ".start", key)
    await stage.run(Worker(submits))
    assert stage.attempt().session == left
    assert sessions(stage) == ["submitted"]


async def test_an_attempt_whose_time_ran_out_while_nobody_was_there_is_begun_anew(stage: Stage) -> None:
    await stage.run(Worker(submits))
    left = await session_left(stage, away=3601)
    stage.folder.write_attempt(stage.attempt().model_copy(update={"state": "running", "session": left, "seconds": 0.0}))
    worker = Worker(submits)
    await stage.run(worker)
    assert len(worker.seats) == 1
    assert sessions(stage) == ["cut_off", "submitted", "submitted"]


async def test_what_was_submitted_before_the_network_failed_is_not_attempted_again(stage: Stage) -> None:
    async def submits_and_is_lost(seat: Seat) -> None:
        await submits(seat)
        raise Unreachable("the network is gone")

    worker = Worker(submits_and_is_lost)
    assert await stage.run(worker) == "finished"
    attempt = stage.attempt()
    assert (len(worker.seats), attempt.tries, attempt.exit_status, attempt.detail) == (1, 1, "submitted", None)


async def test_what_the_operator_has_to_mend_first_is_not_asked_for_again_and_again(stage: Stage) -> None:
    stage.world.preparer.error = SetupError("put the data there first")
    assert await stage.run(Worker(submits)) == "failed"
    assert stage.attempt().tries == 1
    assert "put the data there first" in (stage.attempt().detail or "")


async def test_what_validated_best_counts_for_who_forfeits_too(stage: Stage) -> None:
    async def validates_and_forfeits(seat: Seat) -> Ending:
        await seat.client.call_tool("validate")
        return Ending("exit_forfeit")

    await stage.run(Worker(validates_and_forfeits))
    best = stage.attempt().best
    assert (best is not None, stage.attempt().submission) == (True, None)


async def test_a_task_that_there_is_not_is_refused_before_anything_starts(stage: Stage) -> None:
    with pytest.raises(BadPlan, match="no task or domain 'chess-v1'; there are: all, algorithms, .*toy-v1"):
        await stage.run(Worker(does_nothing), tasks=["chess-v1"])
    assert not stage.folder.path.exists()


async def test_two_processes_do_not_run_in_one_folder(stage: Stage) -> None:
    with locked(stage.folder.path), pytest.raises(BadPlan, match="another process runs in"):
        await stage.run(Worker(does_nothing))
