"""Drawn things: small colour images of ten classes, for trying the task without its data."""

from __future__ import annotations

import numpy as np

SIDE = 32
Part = tuple[str, float, float, float, float, str]

# Each part of a thing: (ellipse or box, centre to the right and down, half its width and height, paint), in an image
# that reaches from -1 to 1 both ways. Parts hide what was painted before them.
WHEELS: list[Part] = [("ellipse", x, 0.45, 0.19, 0.19, "dark") for x in (-0.45, 0.45)]
LONG_LEGS: list[Part] = [("box", x, 0.5, 0.05, 0.4, "first") for x in (-0.4, -0.25, 0.25, 0.4)]
THINGS: list[list[Part]] = [
    [
        ("ellipse", 0, 0, 0.8, 0.14, "first"),
        ("box", 0.05, 0, 0.13, 0.65, "second"),
        ("box", -0.65, -0.2, 0.1, 0.25, "first"),
    ],
    [("box", 0, 0.2, 0.75, 0.22, "first"), ("box", -0.05, -0.15, 0.4, 0.18, "second"), *WHEELS],
    [
        ("box", -0.05, 0.5, 0.04, 0.35, "dark"),
        ("ellipse", -0.1, 0.05, 0.45, 0.26, "first"),
        ("ellipse", 0.35, -0.3, 0.19, 0.19, "first"),
        ("box", 0.62, -0.28, 0.14, 0.06, "second"),
    ],
    [
        *(("box", x, -0.4, 0.14, 0.25, "first") for x in (-0.35, 0.35)),
        ("ellipse", 0, 0.1, 0.55, 0.5, "first"),
        *(("ellipse", x, 0, 0.11, 0.13, "dark") for x in (-0.22, 0.22)),
    ],
    [
        *LONG_LEGS,
        ("ellipse", 0, 0.05, 0.5, 0.2, "first"),
        ("box", 0.42, -0.25, 0.09, 0.3, "first"),
        *(("box", x, -0.7, 0.04, 0.25, "second") for x in (0.25, 0.42, 0.59)),
    ],
    [
        *(("box", x, 0.45, 0.1, 0.25, "first") for x in (-0.35, 0.3)),
        ("ellipse", -0.05, 0.15, 0.5, 0.22, "first"),
        ("ellipse", 0.5, -0.15, 0.25, 0.22, "first"),
        ("box", -0.55, -0.15, 0.05, 0.28, "first"),
        ("box", 0.42, -0.05, 0.08, 0.2, "dark"),
    ],
    [
        ("ellipse", 0, 0.35, 0.75, 0.35, "first"),
        *(("ellipse", x, -0.02, 0.2, 0.2, "second") for x in (-0.35, 0.35)),
        *(("ellipse", x, -0.02, 0.09, 0.09, "dark") for x in (-0.35, 0.35)),
    ],
    [
        *LONG_LEGS,
        ("box", 0, -0.05, 0.5, 0.22, "first"),
        ("box", 0.48, -0.4, 0.14, 0.35, "first"),
        ("ellipse", 0.68, -0.65, 0.25, 0.13, "first"),
        ("box", -0.58, 0.1, 0.06, 0.32, "dark"),
    ],
    [
        ("box", 0.1, -0.4, 0.05, 0.45, "dark"),
        ("box", 0, 0.12, 0.45, 0.16, "second"),
        ("box", 0, 0.42, 0.85, 0.17, "first"),
    ],
    [("box", -0.2, -0.1, 0.55, 0.42, "first"), ("box", 0.55, 0.1, 0.22, 0.26, "second"), *WHEELS],
]
"""Class → parts, in the order of CIFAR-10's classes."""


def draw_things(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` images: uint8 [count, 32, 32, 3] and their labels uint8 [count], all classes alike often."""
    labels = rng.permutation(np.arange(count) % len(THINGS)).astype(np.uint8)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for label, parts in enumerate(THINGS):
        rows = np.flatnonzero(labels == label)
        images[rows] = _draw(parts, len(rows), rng)
    return images, labels


def _draw(parts: list[Part], count: int, rng: np.random.Generator) -> np.ndarray:
    canvas, paints = _background(count, rng)
    x, y = _placed_grid(count, rng)
    for shape, right, down, half_width, half_height, paint in parts:
        # No two things are built alike: every part has its own size in every image.
        across, along = (
            np.abs(grid - centre) / (half * rng.uniform(0.8, 1.25, (count, 1, 1)))
            for grid, centre, half in ((x, right, half_width), (y, down, half_height))
        )
        inside = across**2 + along**2 <= 1 if shape == "ellipse" else np.maximum(across, along) <= 1
        canvas = np.where(inside[..., None], paints[paint], canvas)
    canvas += rng.normal(0, 0.06, canvas.shape)
    return np.clip(255 * canvas, 0, 255).astype(np.uint8)


def _background(count: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Patchy backgrounds [count, 32, 32, 3], and paints [count, 1, 1, 3] that stand out from them; from 0 to 1."""
    middle = rng.uniform(0.25, 0.75, (count, 1, 1, 3))
    slope = rng.uniform(-0.2, 0.2, (count, 1, 1, 3)) * np.linspace(-1, 1, SIDE)[None, :, None, None]
    patches = rng.normal(0, 0.08, (count, 8, 8, 3)).repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2)
    # Lighter than the background as often as darker, so that no single pixel's value tells a class.
    contrast = rng.choice([-1.0, 1.0], (2, count, 1, 1, 1)) * rng.uniform(0.25, 0.5, (2, count, 1, 1, 3))
    first, second = np.clip(middle + contrast, 0, 1)
    return middle + slope + patches, {"first": first, "second": second, "dark": 0.2 * first}


def _placed_grid(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel falls in the thing: [count, 32, 32] both ways, scaled, shifted, at times mirrored."""
    line = np.linspace(-1, 1, SIDE)
    mirror = rng.choice([-1.0, 1.0], (count, 1, 1))
    scale_x, scale_y = rng.uniform(0.9, 1.3, (2, count, 1, 1))
    shift_x, shift_y = rng.uniform(-0.15, 0.15, (2, count, 1, 1))
    x = mirror * line[None, None, :] * scale_x + shift_x
    y = line[None, :, None] * scale_y + shift_y
    return x + 0 * y, y + 0 * x
