"""Runs of the harness on a cluster, which it does not know: `mlgym-mcp run` as a process."""

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.folder import RunFolder

from mlgym_mcp.tasks.catalog import Catalog
from tests.cluster import cluster
from tests.cluster.stage import GAME, directory, emptied
from tests.cluster.test_faults import ORPHAN_GRACE, PINNED, node_of_its_own, pinned
from tests.gateway import SHIPPED
from tests.processes import environment
from tests.sandbox.boxes import until

pytestmark = pytest.mark.ray

SHORT = [{"bash": {"command": "ls"}}, "submit"]
LONG = [{"bash": {"command": "sleep 3"}}, *SHORT]


async def ran(folder: Path, cache_dir: Path, plan: dict[str, Any], **settings: Any) -> list[Attempt]:
    """The attempts of a run."""
    (folder / "plan.yaml").write_text(yaml.safe_dump({"flavour": "sample", **plan}))
    command = [sys.executable, "-m", "mlgym_mcp", "run", str(folder / "plan.yaml"), "--to", str(folder / "run")]
    env = environment(folder, cache_dir, sandbox="ray", ray_address=cluster.nodes().address, **settings)
    ended = await anyio.run_process(command, env=env, cwd="/", check=False)
    assert ended.returncode == 0, (ended.stdout + ended.stderr).decode()
    return list(RunFolder(folder / "run").attempts())


async def test_attempts_on_a_node_that_is_lost_are_made_again(tmp_path: Path, cache_dir: Path) -> None:
    agent = {"kind": "scripted", "calls": LONG}
    plan = {"tasks": [PINNED], "agents": [agent], "attempts": 4, "concurrency": 4}
    attempts: list[Attempt] = []
    async with node_of_its_own() as doomed, node_of_its_own(), anyio.create_task_group() as tasks:

        async def run() -> None:
            own = {"tasks_dirs": pinned(tmp_path), "orphan_grace": ORPHAN_GRACE}
            attempts.extend(await ran(tmp_path, cache_dir, plan, **own))

        tasks.start_soon(run)
        await until(lambda: hosts(tmp_path, doomed), within=60)
        await anyio.to_thread.run_sync(cluster.nodes().remove_node, doomed, False)
    assert [(one.state, one.exit_status) for one in attempts] == [("finished", "submitted")] * 4
    assert any(one.tries > 1 for one in attempts)
    await until(lambda: emptied(tmp_path))


async def hosts(folder: Path, node: Any) -> bool:
    """Whether a sandbox is on this node."""
    if not (folder / "data/cluster-name").exists():
        return False
    return node.node_id in {found for _, found in (await directory(folder).sandboxes()).values()}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "tasks",
    [
        pytest.param([GAME, "regression-house-price-v1"], id="two"),
        pytest.param([task.id for task in Catalog([SHIPPED]).list()], id="all", marks=pytest.mark.slow),
    ],
)
async def test_a_run_over_tasks_of_the_catalogue_comes_to_scores(
    tmp_path: Path, cache_dir: Path, tasks: list[str]
) -> None:
    agent = {"kind": "baseline"}
    plan = {"tasks": tasks, "agents": [agent], "attempts": 1, "concurrency": 3}
    attempts = await ran(tmp_path, cache_dir, plan)
    assert [(one.state, one.exit_status) for one in attempts] == [("finished", "submitted")] * len(tasks)
    assert all(one.submission is not None and one.submission.outcome == "scored" for one in attempts)
    await until(lambda: emptied(tmp_path))
