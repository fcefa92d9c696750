"""Sessions on a cluster: through the whole server, and placed as their tasks ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlgym_mcp.sandbox.cluster.directory import Directory
from tests.cluster import cluster
from tests.gateway import Gateway, open_gateway
from tests.sandbox.boxes import until

pytestmark = pytest.mark.ray

GAME = "battle-of-the-sexes-v1"


@asynccontextmanager
async def on_cluster(folder: Path, cache_dir: Path, **settings: Any) -> AsyncIterator[Gateway]:
    address = cluster.nodes().address
    async with open_gateway(folder / "data", cache_dir, sandbox="ray", ray_address=address, **settings) as gateway:
        yield gateway


def directory(gateway: Gateway) -> Directory:
    return Directory((gateway.settings.data_dir / "cluster-name").read_text())


async def test_a_session_is_played_to_a_score_and_its_judges_lie_beside_it(tmp_path: Path, cache_dir: Path) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway, anyio.create_task_group() as tasks:
        session = await gateway.start(GAME)
        seen: set[tuple[str, str]] = set()

        async def look() -> None:
            while True:
                seen.update((await directory(gateway).sandboxes()).values())
                await anyio.sleep(0.01)

        tasks.start_soon(look)
        assert "strategy.py" in await gateway.bash(session, "ls /workspace")
        score = await gateway.score("submit", session)
        assert score["outcome"] == "scored"
        tasks.cancel_scope.cancel()
        assert len(seen) == 1
        await until(lambda: emptied(gateway))


async def emptied(gateway: Gateway) -> bool:
    return not await directory(gateway).sandboxes() and not await directory(gateway).places()
