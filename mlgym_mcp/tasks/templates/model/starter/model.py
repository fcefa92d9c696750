"""The model: a line through the plane, a * weights[0] + b * weights[1] > threshold."""

from __future__ import annotations

import json
from pathlib import Path

LEARNED = json.loads((Path(__file__).parent / "weights.json").read_text())


def predict(point: list[int]) -> int:
    """Return 0 or 1 for [a, b]."""
    weight_a, weight_b = LEARNED["weights"]
    return int(point[0] * weight_a + point[1] * weight_b > LEARNED["threshold"])
