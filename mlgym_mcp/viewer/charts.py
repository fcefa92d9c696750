"""Charts of lines that keep a value until the next one, such as profiles. Geometry alone; a template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_mcp.viewer.axes import Style, Tick, round_step

WIDTH, HEIGHT = 480, 300
"""Of the drawing, in its own units; a page makes it as wide as there is room."""
LEFT, RIGHT, TOP, BOTTOM = 58, 470, 10, 256
TICKS = 5
"""About so many on each axis."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, by its points from left to right."""

    name: str
    points: Sequence[Place]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is measured along it, and from where to where."""

    label: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DrawnLine(Style):
    """A line where it is drawn."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, in the units of the drawing."""

    name: str
    """Unlike any other's on the page."""
    caption: str
    """What it shows, in a sentence."""
    x: Axis
    y: Axis
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[DrawnLine, ...]

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM


def step_chart(name: str, caption: str, lines: Sequence[Line], x: Axis, y: Axis) -> Chart:
    """A chart of some lines; what lies outside of the axes is drawn at their ends."""
    x, y = _wide(x), _wide(y)
    return Chart(
        name=name,
        caption=caption,
        x=x,
        y=y,
        x_ticks=tuple(Tick(_across(x, value), label) for value, label in _ticks(x)),
        y_ticks=tuple(Tick(_up(y, value), label) for value, label in _ticks(y)),
        lines=tuple(DrawnLine(place, line.name, _path(line, x, y)) for place, line in enumerate(lines)),
    )


def _path(line: Line, x: Axis, y: Axis) -> str:
    corners = [(_across(x, at), _up(y, value)) for at, value in _turning(line.points)]
    return "".join(f"H{left:g}V{up:g}" if number else f"M{left:g} {up:g}" for number, (left, up) in enumerate(corners))


def _turning(points: Sequence[Place]) -> list[Place]:
    """The points at which the value changes, with the first and the last one."""
    ends = (0, len(points) - 1)
    return [one for number, one in enumerate(points) if number in ends or one[1] != points[number - 1][1]]


def _across(axis: Axis, value: float) -> float:
    return _between(LEFT, RIGHT, axis, value)


def _up(axis: Axis, value: float) -> float:
    return _between(BOTTOM, TOP, axis, value)


def _between(begin: float, end: float, axis: Axis, value: float) -> float:
    share = min(1.0, max(0.0, (value - axis.low) / (axis.high - axis.low)))
    return round(begin + (end - begin) * share, 1)


def _wide(axis: Axis) -> Axis:
    """An axis that is no point."""
    return axis if axis.high > axis.low else Axis(axis.label, axis.low, axis.low + 1.0)


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    """Round values along an axis."""
    step = round_step(axis.low, axis.high, TICKS)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number * step, f"{number * step:,.{places}f}") for number in range(first, last + 1)]
