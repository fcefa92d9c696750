"""Meta maze: goals are found by chance, an episode goes on after one, and it is as long as the original's."""

from pathlib import Path

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.ring import EPISODES, TASKS, policy, scored

TASK = TaskSpec.load(TASKS / "rl-meta-maze-v1")
WALK = """
def walked(policy, observations, first):
    assert observations.shape == (80, 15) and (observations[:, 14] == policy.steps - 1).all()
    assert (first == (policy.steps == 1)).all() and policy.steps <= 199
    assert (observations[:, 9:13].sum(axis=1) == 1).all()
    return policy.random.integers(4, size=len(first), dtype=np.int32)
"""


async def test_a_random_walk_finds_goals_now_and_then(tmp_path: Path, cache_dir: Path) -> None:
    score = await scored(tmp_path, cache_dir, TASK, policy("walked(self, observations, first)", before=WALK))
    assert score.outcome == "scored", score.fault_message
    assert 5 < score.scores["reward_mean"] < 48.562 and score.scores["reward_std"] > 5
    visits = score.scores["reward_mean"] * EPISODES / 10
    assert abs(visits - round(visits)) < 1e-6


async def test_the_last_reward_is_seen_and_never_more_than_ten(tmp_path: Path, cache_dir: Path) -> None:
    before = """
seen = set()
def checked(policy, observations):
    seen.update(np.unique(observations[:, 13]))
    assert seen <= {0.0, 10.0} and (policy.steps < 150 or seen == {0.0, 10.0})
    return policy.random.integers(4, size=len(observations))
"""
    score = await scored(tmp_path, cache_dir, TASK, policy("checked(self, observations)", before=before))
    assert score.outcome == "scored", score.fault_message
