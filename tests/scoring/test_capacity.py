"""Scorings share a number of places; an exclusive one has them all."""

import anyio

from mlgym_mcp.scoring.capacity import Capacity


async def test_an_exclusive_scoring_waits_for_the_others_and_runs_alone() -> None:
    capacity, order = Capacity(2), list[str]()
    release = anyio.Event()

    async def ordinary(name: str, started: anyio.Event) -> None:
        async with capacity.place(exclusive=False):
            order.append(f"{name} begins")
            started.set()
            await release.wait()
            order.append(f"{name} ends")

    async def exclusive() -> None:
        async with capacity.place(exclusive=True):
            order.append("exclusive")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for name in ("a", "b"):
                started = anyio.Event()
                tasks.start_soon(ordinary, name, started)
                await started.wait()
            tasks.start_soon(exclusive)
            await anyio.wait_all_tasks_blocked()
            release.set()
    assert order[-1] == "exclusive" and order[:2] == ["a begins", "b begins"]
