"""The RL tasks from start to submit: the starter trains in the sandbox, and the baseline comes to what is stated."""

from pathlib import Path

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.gateway import open_gateway
from tests.tasks.ring import TASKS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rl-breakout-minatar-v1", "rl-meta-maze-v1", "rl-mountain-car-continuous-v1"])
async def test_the_baseline_trains_in_the_sandbox_and_scores_what_is_stated(
    tmp_path: Path, cache_dir: Path, name: str
) -> None:
    task = TaskSpec.load(TASKS / name)
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start(name, flavour="sample")
        await gateway.create(session, "baseline.py", task.baseline_files()["baseline.py"].read_text())
        shown = await gateway.bash(session, "python baseline.py 2>&1 | tail -3")
        while "still running as job" in shown or "is running" in shown:
            job = shown.split("still running as job ")[1].split(";")[0]
            shown = str(await gateway.call("job", session=session, job=job, action="wait", wait_s=50))
        validated = await gateway.score("validate", session)
        submitted = await gateway.score("submit", session)
    stated = task.baselines.sample["reward_mean"]
    for facts in (validated, submitted):
        error = facts["standard_error"]["reward_mean"]
        assert abs(facts["scores"]["reward_mean"] - stated) < 5 * error
        assert -0.5 < facts["reward"] < 0.5
