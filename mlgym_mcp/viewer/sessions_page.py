"""The first page: the sessions, running ones first."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_mcp.scoring.score import Phase
from mlgym_mcp.sessions.budget import Budget, load_budget
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import Result, SessionRow, Wanted
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.viewer.leaf import Leaf
from mlgym_mcp.viewer.page import Content
from mlgym_mcp.viewer.visit import Visit

SIZE = 50
"""Sessions on a page."""
STATES = ("running", "waiting", "open", "submitted", "cut_off", "ended", "lost")
FILTERS = ("task", "state", "agent", "text")


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session in the list."""

    row: SessionRow
    task: TaskSpec | None
    """None where the catalogue has it no more."""
    budget: Budget
    now: float
    best: float | None
    """The best validation so far, by the metric that ranks."""
    score: float | None
    reward: float | None
    """Of what was submitted."""

    @property
    def live(self) -> bool:
        """Whether it is not over."""
        return self.row.state in LIVE

    @property
    def time_left(self) -> float | None:
        """Seconds of its wall time; None once it is over."""
        return self.budget.left(self.now).wall_time if self.live else None

    @property
    def lasted(self) -> float:
        """Seconds of wall time that it used."""
        return self.budget.elapsed(self.row.closed_at or self.now)


def sessions(visit: Visit) -> Content:
    """The sessions that the visitor may see, by what the query asks for."""
    chosen, wanted = _asked_for(visit)
    listing = visit.records.listing
    given = {name: value for name, value in chosen.items() if value}
    leaf = Leaf(visit.number("page"), SIZE, listing.count(wanted), "/", given)
    facts = {
        "lines": _lines(visit, wanted, leaf.number),
        "leaf": leaf,
        "chosen": chosen,
        "choices": {"task": listing.tasks(wanted), "state": STATES, "agent": listing.agents(wanted)},
    }
    return Content("sessions.html.j2", "Sessions", facts)


def lines(visit: Visit) -> list[SessionLine]:
    """The lines of the list alone, as they are now."""
    return _lines(visit, _asked_for(visit)[1], visit.number("page"))


def _asked_for(visit: Visit) -> tuple[dict[str, str], Wanted]:
    chosen = {name: visit.sought(name) for name in FILTERS}
    return chosen, Wanted(*visit.visitor.only, **chosen)


def _lines(visit: Visit, wanted: Wanted, page: int) -> list[SessionLine]:
    rows = visit.records.listing.page(wanted, skip=(page - 1) * SIZE, most=SIZE)
    results: dict[str, list[Result]] = {row.id: [] for row in rows}
    for result in visit.records.listing.results(results):
        results[result.session].append(result)
    return [_line(visit, row, results[row.id]) for row in rows]


def _line(visit: Visit, row: SessionRow, results: list[Result]) -> SessionLine:
    task = visit.task(row.task)
    submitted = [one for one in results if one.phase == "submit"]
    return SessionLine(
        row=row,
        task=task,
        budget=load_budget(row.budget),
        now=visit.now,
        best=None if task is None else _best(results, "validate", task),
        score=None if task is None else _best(submitted[-1:], "submit", task),
        reward=submitted[-1].reward if submitted else None,
    )


def _best(results: Sequence[Result], phase: Phase, task: TaskSpec) -> float | None:
    metric = task.ranking
    values = [one.scores[metric.name] for one in results if one.phase == phase and metric.name in one.scores]
    return (max if metric.goal == "maximize" else min)(values, default=None)
