"""Charts of steps: lines that keep a value until the next one. Geometry alone; a template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 300
"""Of the drawing, in its own units; a page makes it as wide as there is room."""
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 10, 40
STYLES = 8
"""Lines that can be told apart by colour and dashes; the next ones begin anew."""
TICKS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line, by its points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]
    marked: bool = False
    """Whether each point is marked."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What is measured along it, and from where to where."""

    label: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn."""

    name: str
    style: int
    """Which of the styles it has."""
    path: str
    marks: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A value that stands beside the lines, such as a baseline's."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, in the units of the drawing."""

    name: str
    """Unique on its page."""
    caption: str
    """What it shows, in a sentence."""
    x: Axis
    y: Axis
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Drawn, ...]
    levels: tuple[Level, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def step_chart(
    name: str, caption: str, lines: Sequence[Line], x: Axis, y: Axis, levels: Sequence[tuple[str, float]] = ()
) -> Chart:
    """A chart of some lines; what lies outside of the axes is drawn at their ends."""
    x, y = _wide(x), _wide(y)
    return Chart(
        name,
        caption,
        x,
        y,
        tuple(Tick(_across(x, value), label) for value, label in _ticks(x)),
        tuple(Tick(_up(y, value), label) for value, label in _ticks(y)),
        tuple(_drawn(place, line, x, y) for place, line in enumerate(lines)),
        tuple(Level(name, _up(y, value)) for name, value in levels if y.low <= value <= y.high),
    )


def around(label: str, values: Sequence[float]) -> Axis:
    """An axis on which all of some values have room."""
    low, high = min(values), max(values)
    room = (high - low or abs(high) or 1.0) * 0.05
    return Axis(label, low - room, high + room)


def _drawn(place: int, line: Line, x: Axis, y: Axis) -> Drawn:
    corners = [(_across(x, at), _up(y, value)) for at, value in line.points]
    path = "".join(f"H{left:g}V{up:g}" if number else f"M{left:g} {up:g}" for number, (left, up) in _turning(corners))
    return Drawn(line.name, place % STYLES, path, tuple(corners) if line.marked else ())


def _turning(corners: Sequence[tuple[float, float]]) -> list[tuple[int, tuple[float, float]]]:
    """The points at which the height changes, with the first and the last one, and their numbers."""
    ends = (0, len(corners) - 1)
    return [
        (number, corner)
        for number, corner in enumerate(corners)
        if number in ends or corner[1] != corners[number - 1][1]
    ]


def _across(axis: Axis, value: float) -> float:
    return _round(LEFT + (WIDTH - RIGHT - LEFT) * _share(axis, value))


def _up(axis: Axis, value: float) -> float:
    return _round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _share(axis, value))


def _share(axis: Axis, value: float) -> float:
    return min(1.0, max(0.0, (value - axis.low) / (axis.high - axis.low)))


def _round(value: float) -> float:
    return round(value, 1)


def _wide(axis: Axis) -> Axis:
    """An axis that is no point."""
    return axis if axis.high > axis.low else Axis(axis.label, axis.low, axis.low + 1.0)


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Round values along an axis."""
    raw = (axis.high - axis.low) / TICKS
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number * step, f"{number * step:,.{places}f}") for number in range(first, last + 1)]
