"""The reward means the same for every task: 0 at the baseline, 1 at the target."""

from pathlib import Path

import pytest

from mlgym_mcp.scoring.reward import reward, task_reward
from mlgym_mcp.tasks.measures import Flavour, Protocol
from mlgym_mcp.tasks.spec import TaskSpec

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/image-classification-fmnist-v1")


@pytest.mark.parametrize(
    ("score", "baseline", "target", "expected"),
    [
        (0.8, 0.8, 0.9, 0.0),
        (0.9, 0.8, 0.9, 1.0),
        (0.85, 0.8, 0.9, 0.5),
        (0.75, 0.8, 0.9, -0.5),
        (0.99, 0.8, 0.9, 1.0),
        (0.0, 0.8, 0.9, -1.0),
        (4.0, 5.0, 3.0, 0.5),
        (5.5, 5.0, 3.0, -0.25),
        (99.0, 5.0, 3.0, -1.0),
        (-0.1, -0.2, 0.2, 0.25),
    ],
)
def test_the_reward_is_the_clipped_share_of_the_way(
    score: float, baseline: float, target: float, expected: float
) -> None:
    assert reward(score, baseline=baseline, target=target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("flavour", "protocol", "baseline"),
    [("full", "strict", 0.7832), ("full", "mlgym", 0.7835), ("sample", "strict", 0.785), ("sample", "mlgym", 0.785)],
)
def test_the_baseline_is_that_of_the_flavour_and_the_protocol(
    flavour: Flavour, protocol: Protocol, baseline: float
) -> None:
    at_baseline = task_reward(TASK, "scored", {"accuracy": baseline}, flavour=flavour, protocol=protocol)
    at_target = task_reward(TASK, "scored", {"accuracy": 0.945}, flavour=flavour, protocol=protocol)
    assert (at_baseline, at_target) == (0.0, 1.0)


def test_a_fault_of_the_submission_is_the_worst_and_one_of_ours_is_nothing() -> None:
    assert task_reward(TASK, "submission_fault", {}, flavour="full", protocol="strict") == -1.0
    assert task_reward(TASK, "infrastructure_fault", {}, flavour="full", protocol="strict") is None
