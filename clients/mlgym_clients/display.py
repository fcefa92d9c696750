"""What the demo shows: a line for every step, and a table of scores at the end."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status
from rich.table import Table

from mlgym_clients.workbench import Grade

LINE = 84
"""Characters of a step that are shown."""
CAPTION = """
data: full is the official one; sample is small, made up, and for trying only.
score: on hidden examples that validating never touched. all: on all of the original benchmark's.
published: best attempts of five models in its paper, to be held against "all".
reward: 0 at the baseline, 1 at the best known."""


class Steps:
    """Prints each step when it is done, with the time it took and what came of it; the present one spins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console)
        self._step = ""
        self._since = 0.0

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._status.stop()

    def begins(self, step: str) -> None:
        """Take note that a step begins."""
        self._step, self._since = _first_line(step), time.monotonic()
        self._status.update(self._step)

    def goes_on(self, why: str) -> None:
        """Take note of why the present step isn't done."""
        self._status.update(f"{self._step} ({_first_line(why)})")

    def ends(self, outcome: str = "") -> None:
        """Take note that the present step is done, and what came of it."""
        took = time.monotonic() - self._since
        line = f"{took:6.1f} s  {self._step}" + (f"  → {outcome}" if outcome else "")
        self._console.print(line, highlight=False, markup=False)


def results_table(results: Iterable[tuple[dict[str, Any], Grade]]) -> Table:
    """One row a task: its score beside the baseline and the published ones."""
    table = Table(box=None, padding=(0, 1, 0, 0), caption=CAPTION, caption_justify="left")
    for column in ("task", "data", "score ± error", "all", "baseline", "published", "reward"):
        table.add_column(column, no_wrap=True, justify="left" if column in ("task", "data") else "right")
    for task, grade in results:
        table.add_row(task["id"], grade.flavour, *_figures(task, grade))
    return table


def _figures(task: dict[str, Any], grade: Grade) -> tuple[str, str, str, str, str]:
    metric = task["metric"]
    score = _figure(grade.scores, metric, grade.outcome)
    if metric in grade.standard_error:
        score += f" ± {grade.standard_error[metric]:.4f}"
    published = sorted(task["published"].values()) if grade.flavour == "full" else []
    return (
        score,
        _figure(grade.upstream_scores or {}, metric),
        _figure(grade.baseline, metric),
        f"{published[0]:.3f}–{published[-1]:.3f}" if published else "–",
        "–" if grade.reward is None else f"{grade.reward:+.3f}",
    )


def _figure(values: dict[str, float], metric: str, otherwise: str = "–") -> str:
    return f"{values[metric]:.4f}" if metric in values else otherwise


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LINE else line[: LINE - 1] + "…"
