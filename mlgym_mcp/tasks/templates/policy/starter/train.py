"""Trains nothing yet, and writes two checkpoints that always go left."""

import json
from pathlib import Path

Path("checkpoints").mkdir(exist_ok=True)
for checkpoint in range(2):
    Path(f"checkpoints/{checkpoint}.json").write_text(json.dumps({"moves": [0] * 10, "training": checkpoint}))
