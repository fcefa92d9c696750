"""Breakout: whoever follows the ball scores, whoever stands still does not, and the same seeds give the same score."""

from pathlib import Path

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.ring import TASKS, policy, scored

TASK = TaskSpec.load(TASKS / "rl-breakout-minatar-v1")
BEFORE = """
def columns(layer):
    return layer.any(axis=1).argmax(axis=1)

def follow(observations):
    paddle, ball, before = (columns(observations[..., layer]) for layer in range(3))
    to = np.clip(ball + np.sign(ball - before), 0, 9)
    return np.where(to < paddle, 1, np.where(to > paddle, 2, 0))
"""
FOLLOW = policy("follow(observations)", before=BEFORE)


async def test_following_the_ball_scores(tmp_path: Path, cache_dir: Path) -> None:
    follow = await scored(tmp_path, cache_dir, TASK, FOLLOW)
    assert follow.scores["reward_mean"] > 10
    assert follow.reward is not None and follow.reward > 0


async def test_standing_still_does_not_and_observations_are_zeros_and_ones_as_float32(
    tmp_path: Path, cache_dir: Path
) -> None:
    check = """
def checked(policy, observations, first):
    assert observations.shape == (80, 10, 10, 4) and observations.dtype == np.float32
    assert set(np.unique(observations)) == {0, 1} and (observations[..., 0].sum(axis=(1, 2)) == 1).all()
    assert first.dtype == bool and (first == (policy.steps == 1)).all()
    return np.zeros(len(first), np.int64)
"""
    score = await scored(tmp_path, cache_dir, TASK, policy("checked(self, observations, first)", before=check))
    assert score.outcome == "scored", score.fault_message
    assert score.scores["reward_mean"] < 5 and score.reward is not None and score.reward < 0
