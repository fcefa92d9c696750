"""Attempts side by side: what each used, did and came to, and where they part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlgym_mcp.sessions.budget import Budget, load_budget
from mlgym_mcp.store import SessionRow
from mlgym_mcp.viewer import plot
from mlgym_mcp.viewer.course import Course, Verdict, course
from mlgym_mcp.viewer.event import ShownEvent
from mlgym_mcp.viewer.naming import public_id
from mlgym_mcp.viewer.page import Content, NotHere
from mlgym_mcp.viewer.parting import How, parting
from mlgym_mcp.viewer.plot import Plot, Series
from mlgym_mcp.viewer.session_page import show
from mlgym_mcp.viewer.visit import Visit

MOST = 8
"""Sessions that are compared at once: as many as lines can be told apart."""
TOO_MANY = f"{MOST} sessions can be compared at once; choose fewer."


@dataclass(frozen=True, slots=True)
class Attempt:
    """One session of a comparison."""

    row: SessionRow
    budget: Budget
    elapsed: float
    """Seconds of wall time."""
    course: Course
    tools: Mapping[str, int]
    refused: int
    """Calls that were refused or failed."""
    failed: int
    """Commands that ended with another status than 0."""
    parts: "Parted | None"
    """From the first of the comparison; None for that one."""

    @property
    def alike(self) -> tuple[str, str, str]:
        """What it shares with those that it may be held against."""
        return self.row.task, self.row.flavour, self.row.protocol

    @property
    def submitted(self) -> Verdict | None:
        """The last verdict on what it submitted."""
        return next((one for one in reversed(self.course.verdicts) if one.phase == "submit"), None)


@dataclass(frozen=True, slots=True)
class Parted:
    """Where a session parts from the first one: events of the same number in both."""

    number: int | None
    """None where they are alike to their ends."""
    how: How | None = None
    here: ShownEvent | None = None
    there: ShownEvent | None = None


def compare(visit: Visit) -> Content:
    """The sessions that a query names."""
    names = list(dict.fromkeys(visit.query.getlist("session")))
    if len(names) > MOST:
        raise NotHere(TOO_MANY)
    rows = list({row.id: row for row in map(visit.session, names)}.values())
    attempts = [_attempt(visit, row, rows[0]) for row in rows]
    groups = {one.alike: [other for other in attempts if other.alike == one.alike] for one in attempts}
    plots = {alike: _plot(f"scores-{place}", some) for place, (alike, some) in enumerate(groups.items(), start=1)}
    facts = {
        "attempts": attempts,
        "plots": plots,
        "tools": sorted({tool for one in attempts for tool in one.tools}),
        "leading": [public_id(one.row) for some in groups.values() if (one := _leader(some)) is not None],
    }
    return Content("compare.html.j2", "Comparison", facts)


def _attempt(visit: Visit, row: SessionRow, first: SessionRow) -> Attempt:
    budget, events = load_budget(row.budget), visit.records.events
    refused, failed = events.failures(row.id)
    return Attempt(
        row=row,
        budget=budget,
        elapsed=budget.elapsed(row.closed_at or visit.now),
        course=course(visit.records, row, visit.task(row.task)),
        tools=events.kinds(row.id),
        refused=refused,
        failed=failed,
        parts=None if row is first else _parted(visit, row, first),
    )


def _parted(visit: Visit, row: SessionRow, first: SessionRow) -> Parted:
    found = parting(visit.records, row.id, first.id)
    if found is None:
        return Parted(None)
    here = None if found.one is None else show(visit, row, found.one, found.number)
    there = None if found.other is None else show(visit, first, found.other, found.number)
    return Parted(found.number, found.how, here, there)


def _leader(alike: Sequence[Attempt]) -> Attempt | None:
    """Whose submission is the best of several that may be held against each other."""
    scored = [one for one in alike if one.submitted is not None and one.submitted.value is not None]
    sign = 1 if alike[0].course.goal == "maximize" else -1
    key = [sign * (one.submitted.value or 0.0) for one in scored if one.submitted is not None]
    return scored[key.index(max(key))] if len(scored) > 1 and alike[0].course.goal is not None else None


def _plot(name: str, alike: Sequence[Attempt]) -> Plot | None:
    series = [Series(public_id(one.row)[:8], plot.points_of(one.course)) for one in alike]
    # Published scores stand beside those on all of the original's examples alone, which validations are not.
    held = replace(alike[0].course, published={})
    return plot.plot(name, [one for one in series if one.points], held)
