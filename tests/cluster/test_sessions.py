"""Sessions on a cluster, through the whole server: placed as tasks ask for, with what they need brought to them."""

import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox.base import EGRESS, Mount
from mlgym_mcp.store import Store
from tests.cluster import cluster
from tests.cluster.stage import GAME, directory, emptied, on_cluster
from tests.gateway import Gateway
from tests.sandbox.boxes import open_backend, specify, until

pytestmark = pytest.mark.ray


async def test_a_session_comes_to_a_score_and_its_judges_lie_beside_it(tmp_path: Path, cache_dir: Path) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway, anyio.create_task_group() as tasks:
        session = await gateway.start(GAME)
        seen: set[tuple[str, str]] = set()
        at_once = 0

        async def look() -> None:
            nonlocal at_once
            while True:
                found = await directory(tmp_path).sandboxes()
                at_once = max(at_once, len(found))
                seen.update(found.values())
                await anyio.sleep(0.01)

        tasks.start_soon(look)
        assert "strategy.py" in await gateway.bash(session, "ls /workspace")
        score = await gateway.score("submit", session)
        assert score["outcome"] == "scored"
        tasks.cancel_scope.cancel()
        assert at_once >= 3
        assert len(seen) == 1
        await until(lambda: emptied(tmp_path))


async def test_data_is_brought_to_a_machine_once(tmp_path: Path, cache_dir: Path) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway:
        sessions: list[str] = []

        async def start() -> None:
            sessions.append(await gateway.start(GAME))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(start)
        brought = list((tmp_path / "data/nodes").glob("*/*/wares/*/public"))
        assert [path.parents[3].name for path in brought] == [socket.gethostname()]
        for session in sessions:
            await gateway.call("end", session=session)


async def test_gpus_are_lent_by_the_cluster_in_turn_and_judges_use_their_sessions(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with on_cluster(tmp_path, cache_dir) as gateway:
        both = await gateway.start(GAME, gpus=cluster.GPUS)
        facts = (await gateway.call("status", session=both)).structured_content or {}
        assert len(facts["gpus"]) == cluster.GPUS
        first = await waiting(gateway, gpus=1)
        await until(lambda: "1 GPUs on one node of the cluster" in reason(tmp_path, first))
        second = await waiting(gateway, gpus=1)
        await until(lambda: "1 wait before this one" in reason(tmp_path, second))
        plain = await gateway.start(GAME)  # whoever waits for GPUs keeps nobody from a place
        assert (await gateway.score("submit", both))["outcome"] == "scored"
        for session in (first, second, plain):
            await gateway.call("bash", session=session, command="true", wait_s=50)
            await gateway.call("end", session=session)
        await until(lambda: emptied(tmp_path))


async def waiting(gateway: Gateway, **arguments: Any) -> str:
    """The handle of a new session that waits."""
    facts = (await gateway.call("start", task=GAME, wait_s=0, **arguments)).structured_content or {}
    assert facts["state"] == "waiting"
    return str(facts["session"])


def reason(folder: Path, session: str) -> str:
    with Store.open(folder / "data") as store:
        row = store.sessions.get(session)
        return row.reason or "" if row else ""


async def test_a_sandbox_that_may_reach_hosts_is_refused(tmp_path: Path) -> None:
    async with open_backend("ray", tmp_path) as backend:
        with pytest.raises(BackendUnavailable, match="--sandbox bubblewrap or docker"):
            await backend.start(specify(mounts=(Mount(tmp_path, EGRESS),)))
        assert await backend.ids() == []
