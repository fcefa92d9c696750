"""The reward: one number that means the same for every task."""

from collections.abc import Mapping

from mlgym_mcp.scoring.score import Outcome
from mlgym_mcp.tasks.measures import Flavour, Protocol
from mlgym_mcp.tasks.spec import TaskSpec

FAULT_REWARD = -1.0
"""The reward of an artefact that could not be scored through its own fault."""


def reward(score: float, *, baseline: float, target: float) -> float:
    """Share of the way from baseline to target, in [-1, 1]; where less is better, the target is lower."""
    share = (score - baseline) / (target - baseline)
    return max(-1.0, min(1.0, share))


def task_reward(
    task: TaskSpec, outcome: Outcome, scores: Mapping[str, float], *, flavour: Flavour, protocol: Protocol
) -> float | None:
    """The reward of one grading; None when the infrastructure failed."""
    if outcome == "infrastructure_fault":
        return None
    if outcome == "submission_fault":
        return FAULT_REWARD
    name = task.ranking.name
    baseline = task.baselines.of(flavour, protocol)[name]
    return reward(scores[name], baseline=baseline, target=task.target.value)
