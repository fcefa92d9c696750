"""Fine-tunes the BERT of /data/bert-base-uncased and writes bert_mnli_model/. On the CPU or, where there is one, a GPU.

python3 train.py [--rate 2e-5] [--epochs 1] [--pairs 20000]
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertForSequenceClassification

MAX_LENGTH = 128
REPORTED = 50
"""Steps between two lines of progress."""


def parse() -> argparse.Namespace:
    """The command line's settings."""
    parser = argparse.ArgumentParser(description="Fine-tunes a BERT on pairs of sentences.")
    parser.add_argument("--data", type=Path, default=Path("/data"))
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=3000, help="how many pairs of the training data to use")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2, help="processor cores")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read_pairs(data: Path, count: int) -> tuple[list[list[int]], list[int]]:
    """The first `count` pairs' tokens, as scoring makes them, and their labels."""
    tokenizer = BertWordPieceTokenizer(str(data / "bert-base-uncased/vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(MAX_LENGTH)
    with (data / "train.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(count))]
    encodings = tokenizer.encode_batch([(row["premise"], row["hypothesis"]) for row in rows])
    return [encoding.ids for encoding in encodings], [row["label"] for row in rows]


def batches(tokens: list[list[int]], labels: list[int], size: int, device: str) -> Iterator[dict[str, Any]]:
    """One epoch in random order. The kind of sentence is not told, for scoring does not tell it either."""
    order = torch.randperm(len(tokens)).tolist()
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        longest = max(len(tokens[row]) for row in rows)
        ids = torch.tensor([tokens[row] + [0] * (longest - len(tokens[row])) for row in rows])
        wanted = torch.tensor([labels[row] for row in rows])
        inputs = {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": wanted}
        yield {name: tensor.to(device) for name, tensor in inputs.items()}


def train(settings: argparse.Namespace) -> Any:
    """Train with a learning rate that rises quickly and then falls."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokens, labels = read_pairs(settings.data, settings.pairs)
    model = BertForSequenceClassification.from_pretrained(settings.data / "bert-base-uncased", num_labels=3)
    model.to(device).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate)
    steps = settings.epochs * -(-len(tokens) // settings.batch)
    warm_up = max(steps // 20, 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min((step + 1) / warm_up, 1 - step / steps))
    step = 0
    for _ in range(settings.epochs):
        for batch in batches(tokens, labels, settings.batch, device):
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss = model(**batch).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % REPORTED == 0:
                sys.stdout.write(f"step {step} of {steps}, loss {loss.item():.3f}\n")
                sys.stdout.flush()
            step += 1
    return model


if __name__ == "__main__":
    train(parse()).save_pretrained("bert_mnli_model")
