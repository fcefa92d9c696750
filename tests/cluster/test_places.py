"""Places on a cluster that is full: all who wait have theirs in the order in which they came."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.sandbox.base import GIB, Wanted
from mlgym_mcp.sandbox.cluster import ClusterBackend
from tests.cluster import cluster
from tests.sandbox.boxes import open_backend

pytestmark = pytest.mark.ray

SMALL, LARGE = Wanted(4, GIB // 4), Wanted(cluster.CPUS, GIB // 4)
STAY = 0.1
"""Seconds that each keeps its place, so that others wait for it."""


@pytest.mark.parametrize("many", [24, pytest.param(200, marks=[pytest.mark.exhaustive, pytest.mark.slow])])
async def test_many_who_wait_have_places_in_the_order_of_coming_and_no_large_one_starves(
    tmp_path: Path, many: int
) -> None:
    async with open_backend("ray", tmp_path) as backend, anyio.create_task_group() as tasks:
        assert isinstance(backend, ClusterBackend)
        places, had, told = backend.places, list[int](), set[int]()

        async def stay(number: int) -> None:
            async def say(line: str) -> None:
                told.add(number)
                assert "wait" in line

            await places.take(f"p{number}", LARGE if number % 5 == 0 else SMALL, say)
            had.append(number)
            await anyio.sleep(STAY)
            await places.give(f"p{number}")

        for number in range(many):
            tasks.start_soon(stay, number)
    assert had == list(range(many))
    assert len(told) > many / 2
    assert await places.left() == []
