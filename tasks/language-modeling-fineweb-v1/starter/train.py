"""Trains the GPT of model.py and writes model.safetensors. On the CPU or, where there is one, on a GPU.

python3 train.py [--steps 100] [--layers 2] [--width 64] …
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from model import GPT, Shape
from torch.nn import functional as F

HEADER_BYTES = 1024
REPORTED = 50
"""Steps between two lines of progress."""


def parse() -> argparse.Namespace:
    """The command line's settings."""
    parser = argparse.ArgumentParser(description="Trains a small GPT.")
    parser.add_argument("--data", type=Path, default=Path("/data"))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8, help="windows in a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1, help="processor cores; more pay off for larger models")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def windows(data: Path, length: int, batch: int, rng: np.random.Generator) -> Iterator[Any]:
    """Endless batches of windows drawn from all shards: int64 [batch, length + 1]."""
    paths = sorted(data.glob("fineweb_train_*.bin"))
    shards = [np.memmap(path, "<u2", "r", offset=HEADER_BYTES) for path in paths]
    while True:
        shard = shards[rng.integers(len(shards))]
        starts = rng.integers(len(shard) - length, size=batch)
        yield torch.from_numpy(np.stack([shard[start : start + length + 1] for start in starts]).astype(np.int64))


def train(settings: argparse.Namespace) -> GPT:
    """Train for as many steps as the settings say, with a learning rate that rises quickly and then falls."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    facts = json.loads((settings.data / "facts.json").read_text(encoding="ascii"))
    shape = Shape(facts["vocabulary"], facts["length"], settings.layers, settings.heads, settings.width)
    network = GPT(shape)
    network.to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, betas=(0.9, 0.95), weight_decay=0.01)
    batches = windows(settings.data, shape.length, settings.batch, np.random.default_rng(settings.seed))
    for step, batch in enumerate(islice(batches, settings.steps)):
        spent = step / settings.steps
        for group in optimiser.param_groups:
            group["lr"] = (
                settings.rate * min((spent + 0.01) / 0.05, 1.0) * (0.05 + 0.95 * math.cos(spent * math.pi / 2) ** 2)
            )
        batch = batch.to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = network(batch[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % REPORTED == 0:
            sys.stdout.write(f"step {step} of {settings.steps}, loss {loss.item():.3f}\n")
            sys.stdout.flush()
    return network


if __name__ == "__main__":
    train(parse()).save(Path())
