"""The baseline: the image network of /data as it is, and an LSTM that is trained to caption what it sees."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captioner import PADDING, Captioner, Vocabulary
from PIL import Image
from torch import Tensor, nn
from transformers import ResNetForImageClassification

SIDE = 224
"""Pixels."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue."""
AT_ONCE, KEPT = 32, 2048
"""Images that the network sees at once, and that share a file of features."""
SEED = 42
Row = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How large a network is trained how long."""

    embedding: int
    hidden: int
    batch: int
    rate: float
    epochs: int


ORIGINAL = Recipe(embedding=256, hidden=512, batch=128, rate=1e-3, epochs=2)
FOR_FEW = Recipe(embedding=64, hidden=128, batch=32, rate=3e-3, epochs=25)
MANY = 10_000
"""Images from which on the recipe is the original's."""


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description="Trains a captioner and writes submission.csv.")
    parser.add_argument("data", nargs="?", type=Path, default=Path("/data"))
    parser.add_argument("--epochs", type=int, help="default: 2, or 25 on the sample")
    parser.add_argument("--features", type=Path, default=Path("features"), help="where the images' features are kept")
    return parser.parse_args()


def say(text: str) -> None:
    """Show how far it is, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def read_rows(path: Path) -> list[Row]:
    """The lines of a .jsonl file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Encoder:
    """The image network of the data folder: image file → features."""

    def __init__(self, data: Path, kept: Path, device: str) -> None:
        self._data, self._kept, self._device = data, kept, device
        classifier = ResNetForImageClassification.from_pretrained(data / "resnet-50")
        self._network = classifier.resnet.eval().to(device)
        self._mean, self._deviation = (torch.tensor(values, device=device) for values in (MEAN, DEVIATION))

    def features(self, part: str, rows: Sequence[Row]) -> Tensor:
        """Features of a part's images: float32 [N, features]. What an earlier run has kept is not computed again."""
        self._kept.mkdir(exist_ok=True)
        pieces = []
        for start in range(0, len(rows), KEPT):
            place = self._kept / f"{part}-{start:06d}.npy"
            if not place.exists():
                paths = [self._data / part / row["file_name"] for row in rows[start : start + KEPT]]
                # Written whole or not at all: a run may be cut off at any time.
                with place.with_suffix(".part").open("wb") as file:
                    np.save(file, self._compute(paths))
                place.with_suffix(".part").rename(place)
                say(f"{part}: {start + len(paths)} of {len(rows)} images seen")
            pieces.append(np.load(place))
        return torch.from_numpy(np.concatenate(pieces)).to(self._device)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _compute(self, paths: Sequence[Path]) -> np.ndarray:
        found = []
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for start in range(0, len(paths), AT_ONCE):
                pixels = np.stack(list(threads.map(load_image, paths[start : start + AT_ONCE])))
                images = (torch.from_numpy(pixels).to(self._device) / 255 - self._mean) / self._deviation
                found.append(self._network(images.permute(0, 3, 1, 2)).pooler_output.flatten(1).cpu().numpy())
        return np.concatenate(found)


def load_image(path: Path) -> np.ndarray:
    """An image, stretched to a square: uint8 [224, 224, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE)))


def train(features: Tensor, captions: list[list[str]], words: Vocabulary, recipe: Recipe) -> Captioner:
    """Train on one caption of each image in each epoch, drawn anew."""
    chance = np.random.default_rng(SEED)
    model = Captioner(features.shape[1], len(words.words), recipe.embedding, recipe.hidden)
    model.to(features.device)
    adam = torch.optim.Adam(model.parameters(), lr=recipe.rate)
    loss_of = nn.CrossEntropyLoss(ignore_index=PADDING)
    for epoch in range(recipe.epochs):
        losses = []
        for picked in np.array_split(chance.permutation(len(captions)), -(-len(captions) // recipe.batch)):
            texts = [torch.tensor(words.encode(captions[row][chance.integers(len(captions[row]))])) for row in picked]
            padded = nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=PADDING).to(features.device)
            scores = model(features[torch.from_numpy(picked).to(features.device)], padded[:, :-1])
            loss = loss_of(scores.flatten(0, 1), padded[:, 1:].flatten())
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.detach())
        say(f"epoch {epoch + 1} of {recipe.epochs}: loss {torch.stack(losses).mean().item():.3f}")
    model.eval()
    return model


def main() -> None:
    """Train on the data folder given, /data by default, and write submission.csv."""
    options = parse()
    torch.manual_seed(SEED)
    rows, test = read_rows(options.data / "train.jsonl"), read_rows(options.data / "test.jsonl")
    recipe = ORIGINAL if len(rows) >= MANY else FOR_FEW
    if recipe is FOR_FEW:
        torch.set_num_threads(1)  # in steps as small as these, threads mostly wait for each other
    recipe = replace(recipe, epochs=options.epochs or recipe.epochs)
    encoder = Encoder(options.data, options.features, "cuda" if torch.cuda.is_available() else "cpu")
    captions = [row["captions"] for row in rows]
    words = Vocabulary(caption for texts in captions for caption in texts)
    model = train(encoder.features("train", rows), captions, words, recipe)
    told = [model.caption(part) for part in encoder.features("test", test).split(512)]
    with Path("submission.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "caption"])
        for row, numbers in zip(test, torch.cat(told).tolist()):
            writer.writerow([row["image_id"], words.decode(numbers)])


if __name__ == "__main__":
    main()
