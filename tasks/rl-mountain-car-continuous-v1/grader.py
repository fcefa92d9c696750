"""The mountain car with a continuous force, driven by five checkpoints."""

from __future__ import annotations

from gymnastics import GymnaxGames
from judging import Case, Measure
from policies import Actions, score

FRAMES = 999
"""A whole episode."""
UPSTREAM_FRAMES = 200
"""As far as the original looked: what comes later it never counted."""


def grade(case: Case) -> dict[str, Measure]:
    """Mean and standard deviation of the undiscounted returns of all episodes."""
    frames = UPSTREAM_FRAMES if case.phase == "upstream" else FRAMES
    return score(case, GymnaxGames("MountainCarContinuous-v0"), Actions("float32", shape=(1,)), frames=frames)
