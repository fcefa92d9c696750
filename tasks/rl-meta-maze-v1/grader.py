"""The meta maze, played by five checkpoints."""

from __future__ import annotations

from gymnastics import GymnaxGames
from judging import Case, Measure
from policies import Actions, score

FRAMES = 199
"""One less than an episode may take, as in the original."""


def grade(case: Case) -> dict[str, Measure]:
    """Mean and standard deviation of the undiscounted returns of all episodes."""
    return score(case, GymnaxGames("MetaMaze-misc"), Actions("int32", choices=4), frames=FRAMES)
