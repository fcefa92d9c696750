"""The baseline: the starter's GPT, somewhat larger and trained for longer; on a GPU, the size of the original's."""

import sys
from pathlib import Path

import torch
from train import parse, train  # type: ignore[import-not-found]

ON_CPU = ["--steps", "300", "--layers", "2", "--heads", "4", "--width", "96", "--batch", "8", "--rate", "4e-3"]
ON_GPU = ["--steps", "2000", "--layers", "12", "--heads", "6", "--width", "768", "--batch", "32", "--rate", "6e-4"]


def main() -> None:
    """Train on the data folder given, /data by default, and write model.safetensors."""
    data = ["--data", *sys.argv[1:2]] if len(sys.argv) > 1 else []
    sys.argv[1:] = [*(ON_GPU if torch.cuda.is_available() else ON_CPU), *data]
    train(parse()).save(Path())


if __name__ == "__main__":
    main()
