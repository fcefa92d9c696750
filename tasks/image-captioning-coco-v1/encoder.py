"""The sample's image network: small, in the form of a ResNet-50's files, and untaught."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import ResNetConfig, ResNetForImageClassification

SHAPE = {
    "embedding_size": 16,
    "hidden_sizes": [32, 64, 128, 512],
    "depths": [1, 1, 1, 1],
    "layer_type": "bottleneck",
    "num_labels": 2,
}
SIDE = 224
"""Pixels."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, as for the ResNet-50."""


def write_encoder(folder: Path, images: Sequence[Path], seed: int) -> None:
    """Draw the weights, and set batch normalisation by some images, without which random layers let little through."""
    torch.manual_seed(seed % 2**63)
    network = ResNetForImageClassification(ResNetConfig(**SHAPE))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    pixels = np.stack([(_pixels(path) / 255 - MEAN) / DEVIATION for path in images])
    with torch.inference_mode():
        network.train()(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())
    network.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes for its owner alone


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
