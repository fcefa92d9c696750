"""GPUs are lent whole, to one session each, in the order of asking, and come back with the session's end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mlgym_mcp.data import Data, place_of
from mlgym_mcp.errors import CallerError, SessionBusy
from mlgym_mcp.sandbox.base import GIB
from mlgym_mcp.sessions import gpu_leases
from mlgym_mcp.sessions.call import Call
from mlgym_mcp.sessions.gpu_meter import PAUSE
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.catalog import Catalog
from tests.fakes import TASK, FakeGpus, World, until, write_task

AT_ONCE = Call(wait_s=0)


def asking(count: int) -> StartRequest:
    return StartRequest(TASK, gpus=count)


@asynccontextmanager
async def lending(
    root: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, SessionManager, Store]]:
    """A server with so many GPUs, which looks anew all the time at what others may have given up."""
    monkeypatch.setattr(gpu_leases, "LOOK", 0.001)
    world = World(root, gpus=FakeGpus(count))
    async with world.server() as (manager, store):
        yield world, manager, store


def devices_of(world: World) -> list[list[str]]:
    """What each sandbox was started with."""
    return [[gpu.uuid for gpu in guest.spec.gpus] for guest in world.backend.guests.values()]


def reason_of(store: Store, session: Session) -> str:
    row = store.sessions.get(session.id)
    return (row.reason if row else None) or ""


async def test_sessions_get_devices_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lending(tmp_path, 4, monkeypatch) as (world, manager, _):
        for count in (1, 0, 2):
            await manager.start(asking(count))
        assert devices_of(world) == [["GPU-0"], [], ["GPU-1", "GPU-2"]]


async def test_a_session_with_gpus_works_and_is_scored_on_the_variant_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (world, manager, store):
        write_task(tmp_path / "tasks", environment={"profile": "jax"})
        task = Catalog([tmp_path / "tasks"]).get(TASK)
        data = Data(store.folder, tmp_path / "cache", world.backend, store.secret, store.sandbox_id)
        place_of(store.folder, store.secret, task, "full").mkdir(parents=True)
        monkeypatch.setattr(world.preparer, "prepare", data.prepare)
        for count, used in ((1, "jax-cuda"), (0, "jax")):
            session = await manager.start(asking(count))
            assert [guest.spec.profile for guest in world.backend.guests.values()] == [used]
            await session.submit()
            scored_in = world.referee.requests[-1].prepared
            assert (scored_in.profile, scored_in.digest) == (used, f"fake-{used}")


async def test_more_than_there_are_is_refused_with_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 2, monkeypatch) as (_, manager, store):
        with pytest.raises(
            CallerError, match="3 GPUs are asked for, and this server has 2 to lend; `start` with `gpus`: 2"
        ):
            await manager.start(asking(3))
        assert store.sessions.live() == []


async def test_who_waits_is_told_the_place_and_is_served_in_the_order_of_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (world, manager, store):
        first = await manager.start(asking(1))
        waiting = [await manager.start(asking(1), call=AT_ONCE) for _ in range(2)]
        assert [session.state for session in waiting] == ["waiting", "waiting"]
        await until(lambda: "1 of 1 GPUs are lent; this one is the next" in reason_of(store, waiting[0]))
        await until(lambda: "1 wait before this one" in reason_of(store, waiting[1]))
        world.clock.advance(600)
        await first.end()
        await until(lambda: waiting[0].state == "open")
        await until(lambda: "about 10 min, by the last sessions' length" in reason_of(store, waiting[1]))
        await waiting[0].end()
        await until(lambda: waiting[1].state == "open")


async def test_a_place_is_kept_from_call_to_call_and_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (_, manager, _store):
        holder = await manager.start(asking(1))
        patient, other = [await manager.start(asking(1), call=AT_ONCE) for _ in range(2)]
        for _ in range(3):
            await patient.status(call=AT_ONCE)
        await other.end()
        await holder.end()
        await until(lambda: patient.state == "open")
        assert other.state == "ended"


async def test_sessions_without_gpus_do_not_wait_for_those_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (_, manager, _store):
        await manager.start(asking(1))
        blocked = await manager.start(asking(1), call=AT_ONCE)
        assert (await manager.start(asking(0))).state == "open"
        assert blocked.state == "waiting"


async def test_a_device_that_fails_or_that_others_use_is_passed_over_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 3, monkeypatch) as (world, manager, store):
        world.gpus.failed.add("GPU-0")
        world.gpus.memory["GPU-1"] = 30 * GIB
        await manager.start(asking(1))
        assert devices_of(world) == [["GPU-2"]]
        waiting = await manager.start(asking(1), call=AT_ONCE)
        await until(lambda: "1 of 3 GPUs are lent, of the others too few are free" in reason_of(store, waiting))
        world.gpus.memory.clear()
        await until(lambda: waiting.state == "open")
        assert devices_of(world) == [["GPU-2"], ["GPU-1"]]


async def test_devices_stay_lent_to_sessions_that_outlive_their_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 2, monkeypatch) as (world, manager, _store):
        kept = await manager.start(asking(1))
    async with world.server() as (manager, store):
        await manager.start(asking(1))
        assert sorted(devices_of(world)) == [["GPU-0"], ["GPU-1"]]
        again = await manager.get(kept.id)
        await again.end()
        await until(lambda: [lease.device for lease in store.gpu_leases.all()] == ["GPU-1"])


async def test_a_session_is_scored_on_its_own_devices_and_told_what_it_had_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 2, monkeypatch) as (world, manager, store):
        session, began = await manager.start(asking(2)), world.clock.now()
        world.gpus.memory["GPU-1"] = 20 * GIB

        def looked_again() -> bool:
            world.clock.advance(PAUSE)
            return world.gpus.looks >= 6

        await until(looked_again)  # what the look before found is noted by then
        seconds = world.clock.now() - began
        await session.submit()
        [request] = world.referee.requests
        assert [gpu.uuid for gpu in request.gpus] == ["GPU-0", "GPU-1"]
        assert request.gpu_usage is not None
        assert (request.gpu_usage.devices, request.gpu_usage.seconds) == (("Toy 80", "Toy 80"), 2 * seconds)
        assert (request.gpu_usage.peak_memory, request.gpu_usage.utilisation) == (20 * GIB, 0.5)
        await until(lambda: store.gpu_leases.all() == [])


async def test_what_was_cut_off_is_scored_before_its_devices_are_lent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (world, manager, store):
        session = await manager.start(asking(1))
        await session.validate()
        waiting = await manager.start(asking(1), call=AT_ONCE)
        world.clock.advance(world.limits.gpu_lease_s + world.limits.tick_s)
        await until(lambda: session.state == "cut_off")
        await until(lambda: waiting.state == "open")
        assert [len(request.gpus) for request in world.referee.requests] == [1, 1]
        assert [lease.session for lease in store.gpu_leases.all()] == [waiting.id]


async def test_a_job_that_fills_the_device_is_named_instead_of_scoring_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (world, manager, _store):
        session = await manager.start(asking(1))
        await session.bash("hang", background=True)
        world.gpus.memory["GPU-0"] = 60 * GIB
        with pytest.raises(SessionBusy, match="75% of its memory is used while j1 runs"):
            await session.validate()
        assert session.left.steps == 9
        world.gpus.memory.clear()
        assert (await session.validate()).outcome == "scored"


async def test_servers_of_other_data_folders_do_not_lend_what_is_lent_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_leases, "LOOK", 0.001)
    ours, theirs = (World(tmp_path / name, gpus=FakeGpus(2), gpu_claims=tmp_path) for name in ("ours", "theirs"))
    async with ours.server() as (manager, _), theirs.server() as (others, _):
        first = await manager.start(asking(1))
        second = await others.start(asking(1))
        third = await others.start(asking(1), call=AT_ONCE)
        assert (devices_of(ours), devices_of(theirs), third.state) == ([["GPU-0"]], [["GPU-1"]], "waiting")
        await first.end()
        await until(lambda: third.state == "open")
        assert second.state == "open"


async def test_the_best_is_scored_on_as_many_devices_lent_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lending(tmp_path, 1, monkeypatch) as (world, manager, store):
        session = await manager.start(asking(1))
        await session.validate()
        await session.end()
        other = await manager.start(asking(1))
        assert (await session.score_best(call=AT_ONCE)).verdict.outcome == "pending"
        await other.end()
        assert (await session.score_best()).verdict.outcome == "scored"
        assert [gpu.uuid for gpu in world.referee.requests[-1].gpus] == ["GPU-0"]
        assert store.gpu_leases.all() == []
