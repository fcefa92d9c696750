"""The policy: a checkpoint says for each place where to go."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path


@cache
def table(checkpoint: int) -> list[int]:
    """The moves of one checkpoint, by place."""
    text = (Path(__file__).parent / f"checkpoints/{checkpoint}.json").read_text()
    moves: list[int] = json.loads(text)["moves"]
    return moves


def act(state: list[int]) -> int:
    """Return 0 for left, 1 for right."""
    checkpoint, place = state
    return table(checkpoint)[min(place, 9)]
