"""The report as one page that needs nothing else, and a page for each trajectory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mlgym_clients.metrics.conduct import Conduct, conduct, ending
from mlgym_clients.metrics.profiles import EPSILON
from mlgym_clients.metrics.table import BASELINE, Which
from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.run import RunFacts
from mlgym_clients.reports import numbers
from mlgym_clients.reports.plots import Plot, profile_plot, score_plot, share_plot
from mlgym_clients.reports.sections import Report, Section
from mlgym_clients.reports.trajectories import Shown
from mlgym_clients.visible import visible

if TYPE_CHECKING:
    from jinja2 import Environment

WHICH: tuple[Which, Which] = ("attempt", "submission")


@dataclass(frozen=True)
class DrawnSection:
    """A section, with its plots."""

    section: Section
    profiles: tuple[Plot, ...]
    scores: tuple[Plot, ...]
    conduct: dict[str, Conduct]
    shares: tuple[Plot, ...]

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All of them."""
        return (*self.profiles, *self.scores, *self.shares)


def drawn(report: Report) -> list[DrawnSection]:
    """All plots of a report.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    metrics = {task.id: task.metric for source in report.sources for task in source.facts.tasks}
    return [_drawn(section, f"s{place}", metrics) for place, section in enumerate(report.sections, start=1)]


def render(report: Report, sections: Sequence[DrawnSection]) -> str:
    """The page of a report."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(report=report, sections=sections, numbers=numbers, which=WHICH, epsilon=EPSILON, baseline=BASELINE)
    )


def render_trajectory(facts: RunFacts, attempt: Attempt, events: Sequence[Shown], messages: Sequence[Shown]) -> str:
    """The page of one attempt."""
    return (
        _environment()
        .get_template("trajectory.html.j2")
        .render(facts=facts, attempt=attempt, events=events, messages=messages, numbers=numbers)
    )


def trajectory_name(place: int, attempt: Attempt) -> str:
    """The file of an attempt's page, in the folder of trajectories; `place` tells runs apart."""
    return f"{place}.{attempt.task}.{attempt.agent}.{attempt.number}.html"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mlgym_clients.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["number"] = numbers.number
    environment.globals.update(ending=ending, trajectory_name=trajectory_name)
    return environment


def _drawn(section: Section, prefix: str, metrics: dict[str, str]) -> DrawnSection:
    summary, methods = section.summary, section.summary.order
    profiles = [profile_plot(f"{prefix}-profiles-{one}", summary.profiles[one], methods) for one in WHICH]
    if (fixed := summary.fixed["attempt"]) is not None:
        profiles.append(profile_plot(f"{prefix}-fixed-profiles", fixed, methods, fixed=True))
    agents = list(dict.fromkeys(one.agent for one in section.attempts))
    upstream = summary.table.group.scores == "upstream"
    found = [
        score_plot(f"{prefix}-score-{problem.task}", problem, metrics[problem.task], section.attempts, agents)
        for problem in summary.table.problems
        if not upstream and problem.task in metrics
    ]
    did = {} if upstream else conduct(section.attempts)
    return DrawnSection(section, tuple(profiles), tuple(plot for plot in found if plot), did, _shares(prefix, did))


def _shares(prefix: str, did: dict[str, Conduct]) -> tuple[Plot, ...]:
    if not did:
        return ()
    endings: dict[str, Any] = {agent: dict(one.endings) for agent, one in did.items()}
    actions: dict[str, Any] = {agent: dict(one.actions) for agent, one in did.items()}
    return (
        share_plot(f"{prefix}-endings", "How attempts ended, by exit status.", endings),
        share_plot(f"{prefix}-actions", "What the steps were spent on, by tool.", actions),
    )
