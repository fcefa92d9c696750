"""Mountain car: whole episodes rank, the cost is that of the action as it was given, and swinging gets to the goal."""

from pathlib import Path

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.tasks.ring import TASKS, policy, scored

TASK = TaskSpec.load(TASKS / "rl-mountain-car-continuous-v1")
SWING = "np.where(observations[:, 1:] >= 0, 1.0, -1.0).astype(np.float32)"


async def test_swinging_reaches_the_goal_in_every_episode(tmp_path: Path, cache_dir: Path) -> None:
    score = await scored(tmp_path, cache_dir, TASK, policy(SWING))
    assert 80 < score.scores["reward_mean"] < 95 and score.scores["reward_std"] < 5
    assert 0 < score.standard_error["reward_mean"] < 1
    assert score.reward is not None and score.reward > 0.8


@pytest.mark.parametrize(("protocol", "steps"), [("strict", 999), ("mlgym", 200)])
async def test_the_cost_is_that_of_the_action_as_given_for_as_long_as_the_protocol_looks(
    tmp_path: Path, cache_dir: Path, protocol: str, steps: int
) -> None:
    act = policy("np.full((len(first), 1), 10.0)")
    score = await scored(tmp_path, cache_dir, TASK, act, protocol="mlgym" if protocol == "mlgym" else "strict")
    assert score.scores["reward_mean"] == pytest.approx(-0.1 * 10**2 * steps)
    assert score.scores["reward_std"] == score.standard_error["reward_mean"] == 0


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("np.full((len(first), 1), np.nan, np.float32)", "not_finite"),
        ("np.zeros(len(first), np.float32)", "malformed"),
    ],
)
async def test_an_action_that_is_not_allowed_is_a_fault(
    tmp_path: Path, cache_dir: Path, action: str, code: str
) -> None:
    score = await scored(tmp_path, cache_dir, TASK, policy(action))
    assert (score.outcome, score.fault_code) == ("submission_fault", code)
    assert score.fault_message


async def test_a_cost_that_no_number_holds_is_a_fault(tmp_path: Path, cache_dir: Path) -> None:
    act = policy("np.full((len(first), 1), 1e30, np.float32)")
    score = await scored(tmp_path, cache_dir, TASK, act, protocol="mlgym")  # whose episodes are shorter
    assert (score.outcome, score.fault_code) == ("submission_fault", "not_finite")


def test_full_scores_are_held_against_the_published_training_and_samples_against_a_short_one() -> None:
    assert TASK.baselines.of("full", "strict")["reward_mean"] == 33.794
    assert TASK.baselines.of("sample", "strict")["reward_mean"] < 0
