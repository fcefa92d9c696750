"""A report's files: pages, plots, and tables that programs read."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mlgym_clients.metrics.table import ScoreTable
from mlgym_clients.records.folder import write
from mlgym_clients.reports.page import DrawnSection, drawn, render, render_trajectory, trajectory_name
from mlgym_clients.reports.sections import Report, Source
from mlgym_clients.reports.trajectories import said, shown
from mlgym_clients.trajectories.trajectory import read_one, without_handle

FORMAT = "mlgym-mcp/report-1"
SCORE = ("method", "task", "score", "submission", "goal", "baseline", "target")
ATTEMPT = ("run", "task", "agent", "number", "flavour", "protocol", "state", "exit_status", "limit")
FIGURES = ("score", "standard_error", "best", "upstream_score", "reward", "steps", "seconds")
USED = ("requests", "input_tokens", "cached_tokens", "output_tokens", "cost")


class ExtraMissing(Exception):
    """Raised where a report needs what is not installed; says what to install."""


def write_report(report: Report, to: Path) -> Path:
    """Write all files of a report into a folder, over an earlier one's; returns its page.

    Raises:
        ExtraMissing: what draws plots and pages is not installed.
    """
    try:
        sections = drawn(report)
        page = render(report, sections)
    except ImportError as error:
        raise ExtraMissing(f"reports need {error.name}: pip install 'mlgym-mcp[report]'") from None
    for plot in (plot for section in sections for plot in section.plots):
        write(to / "plots" / f"{plot.name}.svg", plot.standalone())
        (to / "plots" / f"{plot.name}.png").write_bytes(plot.png)
    for place, section in enumerate(report.sections, start=1):
        # One file a section: scores that were not measured alike share no table.
        name = "scores.csv" if place == 1 else f"scores-{place}.csv"
        write(to / name, _csv(SCORE, _scores(section.summary.table)))
    for place, source in enumerate(report.sources, start=1):
        _write_trajectories(source, place, to / "trajectories")
    if report.sources:
        write(to / "attempts.csv", _csv((*ATTEMPT, *FIGURES, *USED), _attempts(report.sources)))
    write(to / "report.json", _json(report, sections))
    write(to / "report.html", page)
    return to / "report.html"


def _write_trajectories(source: Source, place: int, to: Path) -> None:
    for attempt in source.attempts:
        task = source.facts.task(attempt.task)
        steps = min(task.steps, source.facts.limits.steps or task.steps)
        kept = read_one(source.folder, attempt)
        page = render_trajectory(source.facts, kept.attempt, shown(kept.events, steps), said(kept.messages))
        write(to / trajectory_name(place, attempt), page)


def _scores(table: ScoreTable) -> Iterator[Sequence[object]]:
    for method in table.methods:
        for problem in table.problems:
            for result in table.of(method, problem.task):
                anchors = (problem.goal, problem.baseline, problem.target)
                yield method, problem.task, result.attempt, result.submission, *anchors


def _attempts(sources: Sequence[Source]) -> Iterator[Sequence[object]]:
    for source in sources:
        for one in source.attempts:
            metric = source.facts.task(one.task).metric
            known = {**one.model_dump(), "run": source.facts.name}
            last, best = one.submission, one.best
            yield (
                *(known[name] for name in ATTEMPT),
                last and last.scores.get(metric),
                last and last.standard_error.get(metric),
                best and best.scores.get(metric),
                last and (last.upstream_scores or {}).get(metric),
                last and last.reward,
                one.steps,
                one.seconds,
                *(getattr(one.usage, name) for name in USED),
            )


def _csv(columns: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _json(report: Report, sections: Sequence[DrawnSection]) -> str:
    document = {
        "format": FORMAT,
        "title": report.title,
        "made_at": report.made_at,
        "runs": [
            {
                "facts": source.facts,
                "standing": source.standing,
                "attempts": [without_handle(attempt) for attempt in source.attempts],
            }
            for source in report.sources
        ],
        "sections": [{**_plain(one.section.summary), "conduct": one.conduct} for one in sections],
    }
    return json.dumps(_plain(document), ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Records, dataclasses and named tuples as JSON has them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
