"""Plots, for a page and for a paper: every line can be told without its colour."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlgym_clients.metrics.profiles import Profiles
from mlgym_clients.metrics.table import BASELINE, Problem
from mlgym_clients.records.attempt import Attempt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F")
"""Okabe and Ito's, which people with any colour vision tell apart; then two of like lightness."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 4)), (0, (1, 3)))
MARKERS = "osD^vPX*"
HATCHES = ("", "///", "\\\\\\", "...", "xxx", "ooo", "---", "+++")
INK = "#123456"
"""Stands for the colour of text until it is known where the plot is shown."""
STYLE = {
    "font.size": 10,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "mlgym-mcp",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Plot:
    """A drawn plot."""

    name: str
    """Of its files."""
    caption: str
    """What it shows, in a sentence; also what is read out where it can't be seen."""
    svg: str
    png: bytes

    def inline(self) -> str:
        """The SVG for a page: in the page's own colour of text, with ids of its own."""
        body = self.svg[self.svg.index("<svg") :].replace(INK, "currentColor")
        body = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{self.name}-", body)
        return body.replace("<svg ", '<svg aria-hidden="true" ', 1)

    def standalone(self) -> str:
        """The SVG for a paper."""
        return self.svg.replace(INK, "#000000")


def profile_plot(name: str, found: Profiles, methods: Sequence[str], *, fixed: bool = False) -> Plot:
    """Performance profiles: the share of tasks within τ of the best, or of the target."""
    with _drawing(5.2, 3.9) as (figure, axes):
        for place, method in enumerate(methods):
            area = f"{method} ({found.areas[method]:.3f})"
            axes.step(found.taus, found.shares[method], where="post", label=area, **_line(place), linewidth=1.8)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(0, found.tau_max)
        left = "τ: share of the way from baseline to target that is left"
        axes.set_xlabel(left if fixed else "τ: decimal logarithm of the ratio to the best")
        axes.set_ylabel("share of tasks")
        figure.legend(fontsize=8, title="method (area)", title_fontsize=8, loc="outside lower center", ncols=3)
        what = "the target" if fixed else "the best method"
        caption = f"Performance profiles: for how large a share of the tasks a method is within τ of {what}."
        return _drawn(name, caption, figure)


def score_plot(
    name: str, problem: Problem, metric: str, attempts: Sequence[Attempt], agents: Sequence[str]
) -> Plot | None:
    """The best validated score so far over the steps of each attempt; None where nothing was validated."""
    with _drawing(5.2, 3.5) as (figure, axes):
        named: set[str] = set()
        for attempt in attempts:
            steps, values = _best_so_far(attempt, metric, problem.goal == "maximize")
            if attempt.task == problem.task and steps:
                place, label = agents.index(attempt.agent), attempt.agent if attempt.agent not in named else None
                named.add(attempt.agent)
                mark = MARKERS[place % len(MARKERS)]
                axes.step(
                    steps, values, where="post", label=label, marker=mark, markersize=4, alpha=0.8, **_line(place)
                )
        if not named:
            return None
        if problem.baseline is not None:
            axes.axhline(problem.baseline, color=INK, linewidth=1, linestyle=(0, (1, 1)), label=BASELINE + "'s")
        axes.set_xlabel("steps used")
        axes.set_ylabel(f"{metric}, {'higher' if problem.goal == 'maximize' else 'lower'} is better")
        figure.legend(fontsize=8, loc="outside lower center", ncols=4)
        caption = f"{problem.task}: the best validated {metric} so far, one line an attempt."
        return _drawn(name, caption, figure)


def share_plot(name: str, caption: str, counts: dict[str, dict[str, int]]) -> Plot:
    """Shares of each kind, a bar a method."""
    kinds = list(dict.fromkeys(kind for of_method in counts.values() for kind in sorted(of_method)))
    with _drawing(5.2, 0.9 + 0.36 * len(counts)) as (figure, axes):
        left = dict.fromkeys(counts, 0.0)
        for place, kind in enumerate(kinds):
            shares = [of.get(kind, 0) / max(sum(of.values()), 1) for of in counts.values()]
            axes.barh(
                list(counts),
                shares,
                left=list(left.values()),
                label=kind,
                color=COLOURS[place % len(COLOURS)],
                hatch=HATCHES[place % len(HATCHES)],
                edgecolor="white",
                linewidth=0.5,
            )
            left = {method: left[method] + share for method, share in zip(counts, shares, strict=True)}
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(visible=False)
        axes.set_xlabel("share")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return _drawn(name, caption, figure)


@contextmanager
def _drawing(width: float, height: float) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of its own, in inches; no window or global state is touched."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]  # its stubs know names alone
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def _drawn(name: str, caption: str, figure: "Figure") -> Plot:
    svg, png = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # all is in its place already
    for text in figure.findobj(lambda artist: hasattr(artist, "set_color") and _colour(artist) == INK):
        text.set_color("#000000")  # type: ignore[attr-defined]  # looked for just now
    figure.savefig(png, format="png", dpi=160, facecolor="white")
    return Plot(name, caption, svg.getvalue(), png.getvalue())


def _colour(artist: Any) -> object:
    return artist.get_color() if hasattr(artist, "get_color") else None


def _line(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}


def _best_so_far(attempt: Attempt, metric: str, maximise: bool) -> tuple[list[int], list[float]]:
    steps: list[int] = []
    values: list[float] = []
    for measure in attempt.measures:
        value = measure.scores.get(metric)
        if measure.phase == "validate" and value is not None:
            before = values[-1] if values else value
            steps.append(measure.step)
            values.append(max(before, value) if maximise else min(before, value))
    return steps, values
