"""Capacity is taken in the order of asking, several kinds at once, and never lost; whoever waits knows for what."""

from functools import partial
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sandbox.base import GIB, Limits, SandboxSpec
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sessions.amounts import Amounts
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.capacity import Capacity
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from tests.fakes import TASK, World, until, write_task

START = StartRequest(TASK)
TOTAL = Amounts(4, 8 * GIB, 4.0)
SMALL, LARGE = Amounts(1, GIB, 0.1), Amounts(1, 8 * GIB, 0.1)
SOON = Call(wait_s=0.01)
LARGE_TASK = "large-v1"


async def take(capacity: Capacity, name: str, taken: list[str], wanted: Amounts) -> None:
    await capacity.take(wanted)
    taken.append(name)


async def test_places_are_given_in_the_order_of_asking() -> None:
    capacity, taken = Capacity(Amounts(1)), list[str]()
    await capacity.take(Amounts(1))
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(take, capacity, name, taken, Amounts(1))
        await until(lambda: capacity.waiting == 3)
        for count in (1, 2, 3):
            capacity.give(Amounts(1))
            await until(partial(_reached, taken, count))
    assert taken == ["a", "b", "c"]


async def test_who_needs_all_memory_is_not_overtaken_by_who_needs_little() -> None:
    capacity, taken = Capacity(TOTAL), list[str]()
    await capacity.take(SMALL)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, capacity, "large", taken, LARGE)
        await until(lambda: capacity.waiting == 1)
        tasks.start_soon(take, capacity, "small", taken, SMALL)
        await until(lambda: capacity.waiting == 2)
        capacity.give(SMALL)
        await until(lambda: taken == ["large"])
        capacity.give(LARGE)
        await until(lambda: taken == ["large", "small"])


async def test_who_leaves_the_queue_lets_the_next_ones_in() -> None:
    capacity, taken = Capacity(TOTAL), list[str]()
    await capacity.take(SMALL)
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(take, capacity, "large", taken, LARGE)
            await until(lambda: capacity.waiting == 1)
            tasks.start_soon(take, capacity, "small", taken, SMALL)
            await until(lambda: capacity.waiting == 2)
            impatient.cancel_scope.cancel()
        await until(lambda: taken == ["small"])
    assert (capacity.taken, capacity.waiting) == (SMALL + SMALL, 0)


async def test_what_is_held_is_given_back_whatever_happens() -> None:
    capacity = Capacity(TOTAL)
    with pytest.raises(ZeroDivisionError):
        async with capacity.held(LARGE):
            with capacity.held_beyond(LARGE):
                raise ZeroDivisionError
    assert capacity.taken == Amounts()


async def test_no_fraction_of_a_cpu_is_lost_by_counting() -> None:
    third, capacity = Amounts(cpus=1 / 3), Capacity(Amounts(cpus=1.1))
    for held in [Amounts(cpus=0.1), Amounts(cpus=0.2), Amounts(cpus=0.7), third]:
        capacity.take_beyond(held)
    for held in [third, Amounts(cpus=0.2), Amounts(cpus=0.7), Amounts(cpus=0.1)]:
        capacity.give(held)
    with anyio.fail_after(1):
        await capacity.take(Amounts(cpus=1.1))


async def test_a_start_that_waits_tells_its_place_and_what_is_short(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SessionLimits(max_memory=3 * GIB // 2, max_cpus=5))
    async with world.server() as (manager, _):
        first, second, third = [await manager.start(START, call=SOON) for _ in range(3)]
        assert await told(second) == "waits for 1 GiB of memory; this one is the next"
        assert await told(third) == "waits for 1 GiB of memory; 1 wait before this one"
        await second.end()
        await until(lambda: third._ledger.row.reason == "waits for 1 GiB of memory; this one is the next")
        await first.end()
        await until(lambda: third.state == "open")


class Noting(FakeBackend):
    """Notes which sandboxes are started, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[str] = []

    async def start(self, spec: SandboxSpec) -> None:
        self.started.append(spec.id)
        await super().start(spec)


async def test_two_hundred_who_wait_are_told_their_place_and_let_in_as_they_came(tmp_path: Path) -> None:
    backend = Noting()
    world = World(tmp_path, backend=backend, limits=SessionLimits(max_memory=8 * GIB))
    write_task(tmp_path / "tasks", id=LARGE_TASK, resources={"memory": "8GiB", "disk": "512MiB"})
    async with world.server() as (manager, _):
        first = await manager.start(StartRequest(LARGE_TASK))
        tasks = [LARGE_TASK if number % 7 == 0 else TASK for number in range(200)]
        waiting = [await manager.start(StartRequest(task), call=Call(wait_s=0)) for task in tasks]
        await until(lambda: manager._shared.sandboxes.waiting == 200)
        places = [str(await told(session)).rpartition("; ")[2] for session in waiting]
        assert places == ["this one is the next", *(f"{before} wait before this one" for before in range(1, 200))]
        async with anyio.create_task_group() as clients:
            for session in (first, *waiting):
                clients.start_soon(_leaves_once_it_is_open, session)
    assert backend.started == [session._ledger.row.sandbox for session in (first, *waiting)]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_memory": GIB // 2}, "may use 1 GiB of memory, and .* together 512 MiB of memory: .* raises max_memory"),
        ({"max_cpus": 1.0}, "may use 2 CPUs, and .* together 1 CPU: .* raises max_cpus"),
    ],
)
async def test_a_task_larger_than_the_server_is_refused_at_once(
    tmp_path: Path, limits: dict[str, float], message: str
) -> None:
    world = World(tmp_path, limits=SessionLimits(**limits))  # type: ignore[arg-type]
    async with world.server() as (manager, store):
        with pytest.raises(CallerError, match=message):
            await manager.start(START)
        assert not store.sessions.list()


async def test_a_session_that_waited_on_a_larger_server_is_lost_with_the_reason(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SessionLimits(max_sessions=1))
    async with world.server() as (manager, _):
        await manager.start(START)
        waiting = await manager.start(START, call=SOON)
    world.limits = SessionLimits(max_cpus=1)
    async with world.server() as (manager, _):
        again = await manager.get(waiting.id)
        await until(lambda: again.state == "lost")
        assert "raises max_cpus" in str((await again.status()).reason)


async def test_a_judge_counts_and_never_waits_for_who_waits_for_it(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SessionLimits(max_memory=GIB))
    world.referee.gate = anyio.Event()
    world.referee.sandboxes = [Limits(memory=GIB)]
    async with world.server() as (manager, _):
        first = await manager.start(START)
        waiting = await manager.start(START, call=SOON)
        assert (await first.submit(call=SOON)).outcome == "pending"
        await until(lambda: used(manager) == Amounts(1, 2 * GIB, 4.0))
        world.referee.gate.set()
        assert (await first.submit()).outcome == "scored"
        await until(lambda: waiting.state == "open")
        assert used(manager) == Amounts(1, GIB, 2.0)


async def test_a_new_session_waits_while_what_was_cut_off_is_scored(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SessionLimits(max_memory=GIB))
    world.referee.sandboxes = [Limits(memory=GIB)]
    async with world.server() as (manager, _):
        first = await manager.start(START)
        assert (await first.validate()).outcome == "scored"
        world.referee.gate = anyio.Event()
        world.clock.advance(4000)
        await until(lambda: len(world.referee.requests) == 2 and used(manager).places == 0)
        second = await manager.start(START, call=SOON)
        assert await told(second) == "waits for 1 GiB of memory; this one is the next"
        world.referee.gate.set()
        await until(lambda: second.state == "open")


async def test_a_session_taken_over_counts_even_beyond_what_there_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, _):
        sessions = [await manager.start(START) for _ in range(2)]
    world.limits = SessionLimits(max_memory=GIB)
    async with world.server() as (manager, _):
        first, second = [await manager.get(session.id) for session in sessions]
        third = await manager.start(START, call=SOON)
        await first.end()
        await until(lambda: used(manager).places == 1)
        assert await told(third) == "waits for 1 GiB of memory; this one is the next"
        await second.end()
        await until(lambda: third.state == "open")


async def told(session: Session) -> str | None:
    return (await session.status(call=Call(wait_s=0))).reason


def used(manager: SessionManager) -> Amounts:
    return manager._shared.sandboxes.taken


async def _leaves_once_it_is_open(session: Session) -> None:
    assert await session.opened(Call())
    await session.end()


def _reached(taken: list[str], count: int) -> bool:
    return len(taken) == count
