"""Plots of scores over steps, as SVG: every line can be told without its colour, and a table says the same."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_mcp.viewer.axes import Style, Tick, round_step
from mlgym_mcp.viewer.course import Course
from mlgym_mcp.viewer.numbers import number

WIDTH, HEIGHT = 800, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 566, 16, 272
LABEL = 15
"""Between two labels of lines, one below the other."""
LONGEST_LABEL = 28
MARKS = ("circle", "square", "diamond", "triangle", "cross", "bar", "star", "ring")
FAR = 3.0
"""How many times as far from the lines as these are apart a score may be and still be drawn where it is."""


@dataclass(frozen=True, slots=True)
class Point:
    """One score; `note`: what is read of it."""

    step: int
    value: float
    note: str
    submitted: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """The scores of one session; its line is the best validation so far."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A value to hold the scores against."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A point where it is drawn; `beyond`: up or down from there, where there was no room for it."""

    x: float
    y: float
    note: str
    submitted: bool
    beyond: str


@dataclass(frozen=True, slots=True)
class DrawnSeries(Style):
    """A series where it is drawn."""

    name: str
    path: str
    marks: tuple[Mark, ...]

    @property
    def mark(self) -> str:
        """The form of its marks."""
        return MARKS[self.place % len(MARKS)]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line where it is drawn, and its label beside it."""

    name: str
    value: str
    y: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: what `parts.plot` draws."""

    name: str
    """Unlike any other's on the page."""
    title: str
    description: str
    metric: str
    goal: str
    series: tuple[DrawnSeries, ...]
    lines: tuple[DrawnLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM


def points_of(found: Course) -> tuple[Point, ...]:
    """The scores of a session, as they are marked."""
    return tuple(
        Point(one.step, one.value, f"{one.phase}, step {one.step}: {number(one.value)}", one.phase == "submit")
        for one in found.scored
        if one.value is not None and math.isfinite(one.value)
    )


def of_course(name: str, found: Course) -> Plot | None:
    """The plot of one session; None while nothing was scored."""
    series = [Series("best validation so far", points_of(found))]
    if found.published:
        told = [(one.step, one.upstream) for one in found.scored if one.upstream is not None]
        all_of_it = [
            Point(step, value, f"on all examples: {number(value)}", True)
            for step, value in told
            if math.isfinite(value)
        ]
        series.append(Series("on all of the original's examples", tuple(all_of_it)))
    return plot(name, [one for one in series if one.points], found)


def plot(name: str, series: Sequence[Series], held: Course) -> Plot | None:
    """The plot of several sessions on one task, held against what one of them is held against; None of no points."""
    points = [point for one in series for point in one.points]
    if not points:
        return None
    lines = [Line("baseline", held.baseline)] if held.baseline is not None else []
    lines += [Line("target", held.target)] if held.target is not None else []
    lines += [Line(f"{who}, published", value) for who, value in held.published.items()]
    y = _Scale.fitting([line.value for line in lines], [point.value for point in points], BOTTOM, TOP)
    last = max(1, held.steps, *(point.step for point in points))
    x = _Scale(0, last, LEFT, RIGHT)
    return Plot(
        name=name,
        title=f"{held.metric} over steps",
        description=_described(series, lines, held.goal),
        metric=held.metric,
        goal=GOALS[held.goal],
        series=tuple(_drawn(one, place, x, y, held.goal) for place, one in enumerate(series)),
        lines=_labelled(lines, y),
        x_ticks=tuple(Tick(x(step), f"{step:g}") for step in _ticks(0, last, 6, whole=True)),
        y_ticks=tuple(Tick(y(value), _tick_label(value)) for value in _ticks(y.low, y.high, 5)),
    )


GOALS = {"maximize": "higher is better", "minimize": "lower is better", None: "of a task that is not there any more"}


class _Scale:
    """From values to places."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self.low, self.high = low, high
        self._begin, self._end = begin, end

    @classmethod
    def fitting(cls, lines: Sequence[float], points: Sequence[float], begin: float, end: float) -> "_Scale":
        """With room for all lines, and for all points that are not far from them."""
        low, high = min((*lines, *points)), max((*lines, *points))
        if len(lines) > 1:
            apart = FAR * (max(lines) - min(lines))
            low, high = max(low, min(lines) - apart), min(high, max(lines) + apart)
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        return cls(low - room, high + room, begin, end)

    def __call__(self, value: float) -> float:
        """The place of a value, or the nearest that there is room for."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self._begin + share * (self._end - self._begin), 1)

    def beyond(self, value: float) -> str:
        """Where a value lies that there is no room for."""
        return "up" if value > self.high else "down" if value < self.low else ""


def _drawn(series: Series, place: int, x: _Scale, y: _Scale, goal: str | None) -> DrawnSeries:
    marks = tuple(
        Mark(x(one.step), y(one.value), one.note, one.submitted, y.beyond(one.value)) for one in series.points
    )
    path, so_far = "", None
    for one in (one for one in series.points if not one.submitted and goal is not None):
        better = so_far is None or (one.value > so_far if goal == "maximize" else one.value < so_far)
        so_far = one.value if better else so_far
        path += f"H{x(one.step)}V{y(so_far or 0.0)}" if path else f"M{x(one.step)} {y(one.value)}"
    return DrawnSeries(place, series.name, path, marks)


def _labelled(lines: Sequence[Line], y: _Scale) -> tuple[DrawnLine, ...]:
    """Lines with labels that don't cover each other."""
    drawn: list[DrawnLine] = []
    lowest = float(TOP - LABEL)
    for line in sorted(lines, key=lambda one: y(one.value)):
        lowest = max(lowest + LABEL, y(line.value))
        drawn.append(DrawnLine(line.name[:LONGEST_LABEL], number(line.value), y(line.value), lowest))
    return tuple(drawn)


def _ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round values, some `about` of them."""
    step = round_step(low, high, about)
    if whole:
        step = float(max(1, round(step)))
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step) + 1)]


def _tick_label(value: float) -> str:
    return f"{value:.6g}"


def _described(series: Sequence[Series], lines: Sequence[Line], goal: str | None) -> str:
    """What the plot shows, for whoever can't see it."""
    told = []
    for one in series:
        values = [point.value for point in one.points]
        best = "" if goal is None else f", the best {number((max if goal == 'maximize' else min)(values))}"
        told.append(f"{one.name}: {len(values)} scores{best}, the last {number(values[-1])}")
    told += [f"{line.name}: {number(line.value)}" for line in lines]
    return "; ".join(told) + "."
