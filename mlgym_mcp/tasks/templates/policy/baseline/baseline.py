"""The baseline: two checkpoints that go right, but left at 0."""

import json
from pathlib import Path

Path("checkpoints").mkdir(exist_ok=True)
for checkpoint in range(2):
    moves = {"moves": [0] + [1] * 9, "training": checkpoint}
    Path(f"checkpoints/{checkpoint}.json").write_text(json.dumps(moves))
