"""Drawn scenes of two coloured things, and captions of them, for trying the task without its data."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (205, 45, 40),
    "blue": (45, 80, 200),
    "green": (40, 150, 60),
    "yellow": (235, 205, 50),
    "purple": (140, 60, 170),
    "black": (35, 35, 40),
    "white": (245, 245, 245),
    "pink": (240, 150, 185),
}
# Place → how captions speak of it, the colours of its sky or wall and of its ground.
PLACES = {
    "grass": (("on the grass", "in a field"), (150, 190, 235), (120, 175, 90)),
    "beach": (("on the sand", "at the beach"), (120, 185, 230), (225, 205, 160)),
    "snow": (("in the snow", "on a snowy day"), (185, 195, 210), (240, 243, 248)),
    "room": (("on a wooden floor", "in a room"), (215, 200, 185), (150, 105, 65)),
    "road": (("on the road", "in the street"), (170, 165, 165), (95, 95, 100)),
}
# Thing → its corners, from -1 to 1 with y downwards; an ellipse where there are none.
THINGS: dict[str, list[tuple[float, float]]] = {
    "ball": [],
    "box": [(-1, -0.8), (1, -0.8), (1, 1), (-1, 1)],
    "tent": [(0, -1), (1, 1), (-1, 1)],
    "kite": [(0, -1), (0.7, -0.2), (0, 1), (-0.7, -0.2)],
    "house": [(0, -1), (1, -0.2), (0.8, -0.2), (0.8, 1), (-0.8, 1), (-0.8, -0.2), (-1, -0.2)],
    "tower": [(-0.35, -1), (0.35, -1), (0.45, 1), (-0.45, 1)],
    "bowl": [(-1, 0), (1, 0), (0.5, 1), (-0.5, 1)],
    "boat": [(0, -1), (0.7, 0.4), (1, 0.4), (0.6, 1), (-0.6, 1), (-1, 0.4), (0, 0.4)],
    "star": [(0, -1), (0.25, -0.25), (1, -0.2), (0.4, 0.25), (0.6, 1), (0, 0.55), (-0.6, 1), (-0.4, 0.25), (-1, -0.2)],
    "sign": [(-0.4, -1), (0.4, -1), (1, -0.4), (1, 0.4), (0.4, 1), (-0.4, 1), (-1, 0.4), (-1, -0.4)],
}
SIZES = {True: ("big", "large"), False: ("small", "little")}
USUAL = "a {colour} {name} and a {colour2} {name2} {place}"
USUALLY = 0.4
"""How often people speak so. Were no form usual, chance would pick the one that a small model settles on."""
OTHERS = (
    "a {colour} {name} to the left of a {colour2} {name2} {place}",
    "a {colour2} {name2} to the right of a {colour} {name}",
    "there is a {colour} {name} next to a {colour2} {name2}",
    "a {size} {colour} {name} beside a {size2} {colour2} {name2} {place}",
    "a {name} and a {name2} are standing {place}",
    "a {size} {name} next to a {colour2} {name2} {place}",
)


@dataclass(frozen=True)
class Thing:
    """What stands in a scene."""

    name: str
    colour: str
    big: bool


@dataclass(frozen=True)
class Scene:
    """A picture as a JPEG file, its size in pixels, and what people might say of it."""

    jpeg: bytes
    width: int
    height: int
    captions: list[str]


def draw_scene(rng: np.random.Generator, captions: int = 5) -> Scene:
    """Draw one scene: two things side by side."""
    things = [_draw_thing(rng), _draw_thing(rng)]
    place = str(rng.choice(list(PLACES)))
    width, height = (int(side) for side in rng.permutation([rng.integers(180, 260), rng.integers(130, 200)]))
    jpeg = _photograph(things, place, (width, height), rng)
    return Scene(jpeg, width, height, [_caption(things, place, rng) for _ in range(captions)])


def _draw_thing(rng: np.random.Generator) -> Thing:
    return Thing(str(rng.choice(list(THINGS))), str(rng.choice(list(COLOURS))), bool(rng.random() < 0.5))


def _caption(things: list[Thing], place: str, rng: np.random.Generator) -> str:
    words = {"place": str(rng.choice(PLACES[place][0]))}
    for number, thing in zip(("", "2"), things):
        size = str(rng.choice(SIZES[thing.big]))
        words |= {f"name{number}": thing.name, f"colour{number}": thing.colour, f"size{number}": size}
    form = USUAL if rng.random() < USUALLY else str(rng.choice(OTHERS))
    # Not everybody ends what they say with a full stop.
    return form.format(**words).capitalize() + ("." if rng.random() < 0.7 else "")


def _photograph(things: list[Thing], place: str, size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """The scene with uneven light and noise, as a JPEG file."""
    width, height = size
    _, sky, ground = PLACES[place]
    image = Image.new("RGB", size, _tinted(sky, rng))
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, int(height * rng.uniform(0.45, 0.65)), width, height), fill=_tinted(ground, rng))
    for slot, thing in enumerate(things):
        middle = width * (2 * slot + 1) / (2 * len(things)) * rng.uniform(0.9, 1.1)
        radius = min(width / len(things), height) * (rng.uniform(0.36, 0.46) if thing.big else rng.uniform(0.17, 0.24))
        foot = height * rng.uniform(0.8, 0.95) - radius
        colour = _tinted(COLOURS[thing.colour], rng)
        corners = [(middle + radius * x, foot + radius * y) for x, y in THINGS[thing.name]]
        if corners:
            canvas.polygon(corners, fill=colour)
        else:
            canvas.ellipse((middle - radius, foot - radius, middle + radius, foot + radius), fill=colour)
    light = np.linspace(*rng.uniform(0.8, 1.15, 2), width)[None, :, None]
    pixels = np.asarray(image) * light + rng.normal(0, 8, (height, width, 1))
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


def _tinted(colour: tuple[int, int, int], rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, 12, 3), 0, 255).astype(int).tolist()
    return red, green, blue
