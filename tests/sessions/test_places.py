"""Places are taken in the order of asking, several at once if need be, and never lost."""

from functools import partial

import anyio
import pytest

from mlgym_mcp.sessions.places import Places
from tests.fakes import until


async def take(places: Places, name: str, taken: list[str], count: int = 1) -> None:
    await places.take(count)
    taken.append(name)


async def test_places_are_given_in_the_order_of_asking() -> None:
    places, taken = Places(1), list[str]()
    await places.take()
    async with anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(take, places, name, taken)
        await until(lambda: places.waiting == 3)
        for count in (1, 2, 3):
            places.give()
            await until(partial(_reached, taken, count))
    assert taken == ["a", "b", "c"]


async def test_who_needs_all_places_is_not_overtaken() -> None:
    places, taken = Places(2), list[str]()
    await places.take()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take, places, "all", taken, 99)
        await until(lambda: places.waiting == 1)
        tasks.start_soon(take, places, "one", taken)
        await until(lambda: places.waiting == 2)
        places.give()
        await until(lambda: taken == ["all"])
        places.give(99)
        await until(lambda: taken == ["all", "one"])


async def test_who_leaves_the_queue_lets_the_next_ones_in() -> None:
    places, taken = Places(2), list[str]()
    await places.take()
    async with anyio.create_task_group() as tasks:
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(take, places, "all", taken, 2)
            await until(lambda: places.waiting == 1)
            tasks.start_soon(take, places, "one", taken)
            await until(lambda: places.waiting == 2)
            impatient.cancel_scope.cancel()
        await until(lambda: taken == ["one"])
    assert (places.taken, places.waiting) == (2, 0)


async def test_held_places_are_given_back_whatever_happens() -> None:
    places = Places(1)
    with pytest.raises(ZeroDivisionError):
        async with places.held():
            raise ZeroDivisionError
    assert places.taken == 0


def _reached(taken: list[str], count: int) -> bool:
    return len(taken) == count
