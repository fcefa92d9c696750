"""A language of twelve tokens, an honest model of it, and what the judge says of models that are not."""

import json
import random
from array import array
from pathlib import Path
from typing import Any

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks/language-modeling-fineweb-v1")
VOCABULARY, LENGTH, WINDOWS = 12, 16, 60
LIKELY = 0.5 + 0.5 / VOCABULARY
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)
HONEST = """
import os, sys, threading
import numpy as np

V = 12
TABLE = np.full((V, V), 0.5 / V)
TABLE[np.arange(V), (2 * np.arange(V) + 1) % V] += 0.5
TABLE = np.log(TABLE).astype(np.float32)

class Honest:
    def log_probs(self, tokens, targets):
        return TABLE[tokens, targets]
    def next_logits(self, prefixes):
        return np.stack([TABLE[prefix[-1]] for prefix in prefixes]) + 3

def load(folder):
    assert (folder / "model.safetensors").is_file()
    return Model()

class Model(Honest):
    pass
"""


def stream() -> list[int]:
    """Tokens of which half follow from the one before, and the others are drawn."""
    chance, tokens = random.Random(5), [0]
    while len(tokens) <= WINDOWS * LENGTH:
        tokens.append((2 * tokens[-1] + 1) % VOCABULARY if chance.random() < 0.5 else chance.randrange(VOCABULARY))
    return tokens


PARTS = "vsssvssvss" * (WINDOWS // 10)


def scored(
    root: Path, python: str, model: str, *, phase: str = "validate", first_limit: float = 60.0, weights: bytes = WEIGHTS
) -> dict[str, Any]:
    """The verdict on an honest model with that text after it."""
    plan = {"vocabulary": VOCABULARY, "length": LENGTH, "parts": PARTS}
    hidden: dict[str, str | bytes] = {"windows.json": json.dumps(plan), "tokens.bin": array("H", stream()).tobytes()}
    grader = TASK.grader.read_text().replace("FIRST_LIMIT = 300.0", f"FIRST_LIMIT = {first_limit}")
    artefact = pack({"model.py": HONEST + model, "model.safetensors": weights})
    with open_stage(root, grader=grader, artefact=artefact, hidden=hidden, python=python) as stage:
        return stage.grade(kind="model", phase=phase)
