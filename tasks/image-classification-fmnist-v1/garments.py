"""Drawn garments: small grey images of ten classes, for trying the task without its data."""

from __future__ import annotations

import numpy as np

SIDE = 28
Part = tuple[float, float, float, float, float, float]

# Each part of a garment is an upright trapezium: (centre, top, bottom, half the width at its top, and at its bottom,
# brightness), in an image that reaches from -1 to 1 both ways. Negative brightness darkens what is there.
TORSO = (0.0, -0.8, 0.8, 0.42, 0.42, 1.0)
SHORT_SLEEVES = [(-0.6, -0.75, -0.25, 0.22, 0.25, 0.9), (0.6, -0.75, -0.25, 0.22, 0.25, 0.9)]
LONG_SLEEVES = [(-0.62, -0.75, 0.7, 0.16, 0.14, 0.9), (0.62, -0.75, 0.7, 0.16, 0.14, 0.9)]
SEAM = (0.0, -0.8, 0.8, 0.04, 0.04, -0.6)
COLLAR = (0.0, -0.9, -0.6, 0.24, 0.05, -0.5)
SOLE = (0.0, 0.45, 0.62, 0.85, 0.88, 0.8)
GARMENTS = [
    [TORSO, *SHORT_SLEEVES],
    [(-0.22, -0.85, 0.9, 0.24, 0.14, 1.0), (0.22, -0.85, 0.9, 0.24, 0.14, 1.0)],
    [TORSO, *LONG_SLEEVES],
    [(0.0, -0.85, 0.0, 0.3, 0.22, 1.0), (0.0, 0.0, 0.9, 0.22, 0.45, 1.0)],
    [(0.0, -0.85, 0.85, 0.4, 0.48, 1.0), *LONG_SLEEVES, SEAM],
    [SOLE, (-0.3, 0.0, 0.45, 0.08, 0.08, 0.9), (0.35, -0.25, 0.45, 0.08, 0.08, 0.9)],
    [TORSO, *LONG_SLEEVES, COLLAR],
    [SOLE, (0.1, -0.05, 0.45, 0.45, 0.75, 0.9)],
    [(0.0, -0.2, 0.75, 0.6, 0.7, 1.0), (-0.35, -0.7, -0.2, 0.06, 0.06, 0.8), (0.35, -0.7, -0.2, 0.06, 0.06, 0.8)],
    [SOLE, (0.35, -0.75, 0.1, 0.32, 0.34, 1.0), (0.1, 0.1, 0.45, 0.6, 0.75, 1.0)],
]
"""Class → parts, in the order of Fashion-MNIST's classes."""


def draw_garments(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` images: uint8 [count, 28, 28] and their labels uint8 [count], all classes alike often."""
    labels = rng.permutation(np.arange(count) % len(GARMENTS)).astype(np.uint8)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for label, parts in enumerate(GARMENTS):
        rows = np.flatnonzero(labels == label)
        images[rows] = _draw(parts, len(rows), rng)
    return images, labels


def _draw(parts: list[Part], count: int, rng: np.random.Generator) -> np.ndarray:
    x, y = _wobbly_grid(count, rng)
    canvas = np.zeros((count, SIDE, SIDE), np.float32)
    for centre, top, bottom, half_top, half_bottom, brightness in parts:
        # No two pieces are cut alike: every part has its own size and place in every image.
        wider, longer = rng.uniform(0.75, 1.25, (2, count, 1, 1))
        depth = (y - top) / ((bottom - top) * longer)
        inside = (
            (depth >= 0) & (depth <= 1) & (np.abs(x - centre) <= wider * (half_top + depth * (half_bottom - half_top)))
        )
        canvas += inside * (brightness * rng.uniform(0.5, 1.0, (count, 1, 1)))
    return _photograph(canvas, rng)


def _wobbly_grid(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel falls in the garment: [count, 28, 28] both ways, scaled, sheared, shifted, at times mirrored."""
    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    mirror = rng.choice([-1.0, 1.0], (count, 1, 1))
    scale_x, scale_y = rng.uniform(0.85, 1.3, (2, count, 1, 1))
    shear, shift_x, shift_y = rng.uniform(-0.15, 0.15, (3, count, 1, 1))
    x = mirror * line[None, None, :] * scale_x + shift_x
    y = line[None, :, None] * scale_y + shift_y
    return x + shear * y, y + 0 * x


def _photograph(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stripes and noise on the garment, then grey values."""
    count = len(canvas)
    frequency, phase = rng.uniform(0, 3, (count, 1, 1)), rng.uniform(0, 6.3, (count, 1, 1))
    stripes = 1 + 0.25 * np.sin(frequency * np.arange(SIDE)[None, :, None] + phase)
    noise = rng.normal(0, 0.15, canvas.shape)
    grey = np.clip(canvas, 0, 1) * stripes * (1 + noise) * rng.uniform(0.5, 1.0, (count, 1, 1))
    return np.clip(255 * grey, 0, 255).astype(np.uint8)
