"""The baseline: one epoch at the original's tiny learning rate; the sample's untaught BERT learns faster instead."""

import json
import sys
from pathlib import Path

from train import parse, train  # type: ignore[import-not-found]

ORIGINAL = ["--rate", "1e-7", "--epochs", "1", "--pairs", "400000"]
UNTAUGHT = ["--rate", "1.5e-3", "--epochs", "1", "--pairs", "6000", "--threads", "1"]
BASE_WIDTH = 768


def main() -> None:
    """Train on the data folder given, /data by default, and write bert_mnli_model/."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "/data")
    width = json.loads((data / "bert-base-uncased/config.json").read_text(encoding="utf-8"))["hidden_size"]
    sys.argv[1:] = [*(ORIGINAL if width == BASE_WIDTH else UNTAUGHT), "--data", str(data)]
    train(parse()).save_pretrained("bert_mnli_model")


if __name__ == "__main__":
    main()
