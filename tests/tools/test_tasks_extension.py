"""A call that outlasts a first wait becomes a task, for clients that know tasks; its result is what waiting gives."""

from pathlib import Path

import anyio
import pytest
from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY

from mlgym_mcp.errors import ScoringError
from mlgym_mcp.store import Store
from tests.fakes import TASK, World, faulty, until
from tests.tools.follower import TASKS, ask, begin, following, over, refusal, tell
from tests.tools.stage import ERAS, Era, connected, facts_of, start, text_of, told

LONG = "echo epoch 3; hang"


async def test_a_quick_command_is_answered_at_once(tmp_path: Path) -> None:
    async with following(World(tmp_path), task_after=30) as client:
        await start(client)
        assert (await told(client, "bash", command="echo hello")).startswith("hello\n[exit 0")
        assert "running as j2" in await told(client, "bash", command=LONG, background=True)


async def test_a_long_command_tells_how_it_goes_and_then_what_came_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        await start(client)
        task = await begin(client, "bash", command=LONG, wait_s=40)
        assert task.status == "working"
        world.clock.advance(125)
        task = await ask(client, task.task_id)
        assert (task.status, task.poll_interval_ms) == ("working", 5000)
        assert task.status_message == (
            "bash: 2 min 05 s so far; last line: epoch 3; 9 steps, 57 min 55 s of wall time left"
        )
        plain = await told(client, "job", job="j1", action="kill")
        task = await ask(client, task.task_id)
        assert task.status == "completed"
        assert text_of(task.answer).splitlines()[:-1] == plain.splitlines()[:-1]
        assert text_of(task.answer).splitlines()[-1].startswith("[ended by signal 15 · ")
        assert (await ask(client, task.task_id)).answer == task.answer


async def test_a_command_that_became_a_job_is_followed_to_its_end(tmp_path: Path) -> None:
    async with following(World(tmp_path)) as client:
        await start(client)
        task = await begin(client, "bash", command=LONG, wait_s=0.05)
        with anyio.fail_after(5):
            while "running as j1" not in (task := await ask(client, task.task_id)).status_message:
                await anyio.lowlevel.checkpoint()
        assert "hello" in await told(client, "bash", command="echo hello")
        await told(client, "job", job="j1", action="kill")
        task = await ask(client, task.task_id)
        assert text_of(task.answer).startswith("epoch 3\n(Killed.)\n")
        assert (await ask(client, task.task_id)).answer == task.answer
        assert "8 steps" in text_of(task.answer)


@pytest.mark.parametrize("wait_s", [0.05, 40])
async def test_a_cancelled_command_is_killed(tmp_path: Path, wait_s: float) -> None:
    async with following(World(tmp_path)) as client:
        session = await start(client)
        task = await begin(client, "bash", command=LONG, wait_s=wait_s)
        for _ in range(2):
            await tell(client, "tasks/cancel", task.task_id)
        assert (await ask(client, task.task_id)).status == "cancelled"
        [job] = facts_of(await client.call_tool("status", {"session": session}))["jobs"]
        assert not job["running"]


@pytest.mark.parametrize("tool", ["validate", "submit"])
async def test_a_scoring_becomes_a_task_with_the_answer_of_the_plain_call(tmp_path: Path, tool: str) -> None:
    plainly, patiently = (World(tmp_path / place) for place in ("plain", "task"))
    async with connected(plainly) as client:
        await start(client)
        plain = await client.call_tool(tool, {})
    patiently.referee.gate = anyio.Event()
    async with following(patiently) as client:
        await start(client)
        task = await begin(client, tool)
        assert "it is being scored; what is being scored can't be taken back" in task.status_message
        await tell(client, "tasks/cancel", task.task_id)
        await tell(client, "tasks/update", task.task_id, input_responses={"nothing": "was asked"})
        assert (await ask(client, task.task_id)).status == "working"
        patiently.referee.gate.set()
        later = await over(client, task.task_id)
    varying = {"session": "", "seconds": 0, "artefact": "", "left": {}}
    assert facts_of(later) | varying == facts_of(plain) | varying
    assert facts_of(later)["left"]["steps"] == facts_of(plain)["left"]["steps"] == 9
    assert text_of(later).splitlines()[:-1] == text_of(plain).splitlines()[:-1]


async def test_a_score_that_was_told_is_not_collected_again_by_the_next_validation(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        await start(client)
        for number in range(2):
            world.referee.gate = anyio.Event()
            task = await begin(client, "validate")
            assert (await begin(client, "validate")).task_id == task.task_id
            world.referee.gate.set()
            assert facts_of(await over(client, task.task_id))["left"]["steps"] == 9 - number
    assert len(world.referee.requests) == 2


async def test_a_failure_of_the_server_is_a_result_and_costs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate, world.referee.answers = anyio.Event(), [ScoringError("/hidden/labels.npy is broken")]
    async with following(world) as client:
        await start(client)
        task = await begin(client, "validate")
        world.referee.gate.set()
        answer = await over(client, task.task_id)
        assert facts_of(answer)["outcome"] == "infrastructure_fault"
        assert facts_of(answer)["left"]["steps"] == 10


async def opened(gate: anyio.Event) -> None:
    gate.set()


async def test_a_client_that_is_made_so_follows_without_its_user_noticing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with following(world) as client, anyio.create_task_group() as calls:
        await start(client)
        calls.start_soon(opened, world.referee.gate)
        assert facts_of(await client.call_tool("validate", {}))["scores"] == {"accuracy": 0.75}


async def test_tasks_outlive_the_server(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        session = await start(client)
        foreground = await begin(client, "bash", command=LONG, wait_s=40)
    async with following(world) as client:
        assert (await ask(client, foreground.task_id)).status == "working"
        assert "9 steps" in await told(client, "job", session=session, job="j1", action="kill")
        assert text_of(await over(client, foreground.task_id)).startswith("epoch 3\n(Killed.)")
        world.referee.gate = anyio.Event()
        submission = await begin(client, "submit", session=session)
        await until(lambda: world.referee.requests != [])
    async with following(world) as client:
        assert text_of(await over(client, foreground.task_id)).startswith("epoch 3\n(Killed.)")
        assert (await ask(client, submission.task_id)).status == "working"
        world.referee.gate.set()
        assert facts_of(await over(client, submission.task_id))["outcome"] == "scored"


async def test_a_command_of_before_its_session_went_back_is_over_and_its_name_is_anothers(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        session = await start(client)
        task = await begin(client, "bash", command=LONG, wait_s=0.05)
        with anyio.fail_after(5):
            while "running as j1" not in (await ask(client, task.task_id)).status_message:
                await anyio.lowlevel.checkpoint()
        with Store.open(tmp_path / "data") as store:  # as `restore` records it; the j1 that is there now is a later one
            move = store.events.begin(session, "restore", "{}", at=world.clock.now())
            store.events.finish(move, seconds=0.0, reply="{}")
        for _ in range(2):
            assert "went back to a checkpoint" in (await ask(client, task.task_id)).status_message
            await tell(client, "tasks/cancel", task.task_id)
        [job] = facts_of(await client.call_tool("status", {"session": session}))["jobs"]
        assert job["running"]


async def test_what_was_printed_is_told_though_the_session_has_ended_since(tmp_path: Path) -> None:
    async with following(World(tmp_path)) as client:
        await start(client, steps=1)
        task = await begin(client, "bash", command=LONG, wait_s=0.05)
        with anyio.fail_after(5):
            while (found := await ask(client, task.task_id)).status == "working":
                await told(client, "job", job="j1", action="kill")
        assert text_of(found.answer).startswith("epoch 3")
        assert not found.answer.is_error


async def test_a_faulty_submission_that_is_taken_up_after_a_restart_is_told_once_and_for_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with following(world) as client:
        session = await start(client)
        task = await begin(client, "submit", session=session)
        await until(lambda: world.referee.requests != [])
    world.referee.gate, world.referee.answers = None, [faulty("bad_rows", "")]
    async with following(world) as client:
        for _ in range(2):
            assert facts_of(await over(client, task.task_id))["outcome"] == "submission_fault"
        again = await client.call_tool("submit", {"session": session})
        assert facts_of(again)["outcome"] == "scored"
        assert facts_of(await over(client, task.task_id))["outcome"] == "submission_fault"


async def test_what_nobody_asks_about_after_a_restart_keeps_no_session_open(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        session = await start(client, steps=1)
        await begin(client, "bash", command=LONG, wait_s=40)
    async with following(world) as client:
        with anyio.fail_after(5):
            while "open" in await told(client, "status", session=session):
                await anyio.lowlevel.checkpoint()
        assert "cut_off" in await told(client, "status", session=session)


async def test_a_validation_that_the_server_did_not_survive_says_so_and_is_given_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    async with following(world) as client:
        session = await start(client)
        task = await begin(client, "validate")
    async with following(world) as client:
        answer = await over(client, task.task_id)
        assert answer.is_error and "stopped before it answered" in text_of(answer)
        assert "10 steps" in await told(client, "status", session=session)


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
async def test_nobody_looks_up_what_is_not_theirs(tmp_path: Path, method: str) -> None:
    world = World(tmp_path)
    async with following(world) as client:
        await start(client)
        task = await begin(client, "bash", command=LONG)
        number, _, mark = task.task_id.partition("-")
        assert len(mark) == 32
        for wrong in (
            "no-such-task",
            f"{number}-{'0' * 32}",
            f"{int(number) + 1}-{mark}",
            f"{'9' * 30}-{mark}",
            f"\u0661-{mark}",
        ):
            assert await refusal(client, wrong, method) == INVALID_PARAMS
    async with following(world, task=TASK) as elsewhere:  # pinned to a session of its own
        await told(elsewhere, "status")
        assert await refusal(elsewhere, task.task_id, method) == INVALID_PARAMS
    async with connected(world) as undeclared:
        assert await refusal(undeclared, task.task_id, method) == MISSING_REQUIRED_CLIENT_CAPABILITY
    async with connected(world, era="legacy") as older:
        assert await refusal(older, task.task_id, method) == METHOD_NOT_FOUND


@pytest.mark.parametrize("era", ERAS)
async def test_who_knows_no_tasks_is_answered_as_ever(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        await start(client)
        assert "running as job j1" in await told(client, "bash", command=LONG, wait_s=0)
        assert ((client.server_capabilities.extensions or {}).get(TASKS) is not None) == (era == "auto")
