"""The catalogue: what there is to attempt, and each task with its brief. Shows what the API shows to everybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from mlgym_mcp.data import place_of
from mlgym_mcp.errors import TaskSpecError, UnknownTask
from mlgym_mcp.sessions.leaderboard import Entry, Group
from mlgym_mcp.tasks.measures import Flavour, Protocol
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.files import files_of
from mlgym_mcp.viewer.boards import Board, board_of
from mlgym_mcp.viewer.brief import brief_html
from mlgym_mcp.viewer.page import Content, NotHere
from mlgym_mcp.viewer.visit import Visit

NO_TASK = "There is no task {!r} that you may see; the catalogue has those that you may."
TOP = 10
"""Entries of its leaderboard that a task's page shows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A task in the catalogue."""

    task: TaskSpec
    prepared: tuple[Flavour, ...]
    best: tuple[tuple[Group, Entry], ...]
    """The first of each leaderboard that has one."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the baseline reaches where scores are held against it."""

    flavour: Flavour
    protocol: Protocol
    scores: Mapping[str, float]


def tasks(visit: Visit) -> Content:
    """The catalogue, or what of it is asked for."""
    offered = offered_to(visit)
    domain, words = visit.query.get("domain", ""), visit.query.get("q", "").casefold().split()
    wanted = [task for task in offered if domain in ("", task.domain) and _mentions(task, words)]
    facts = {
        "listed": [_listed(visit, task) for task in wanted],
        "all": len(offered),
        "domains": sorted({task.domain for task in offered}),
        "domain": domain,
        "q": visit.query.get("q", ""),
        "passed_over": visit.catalog.broken() if visit.visitor.session is None else {},
    }
    return Content("tasks.html.j2", "Tasks", facts)


def task(visit: Visit) -> Content:
    """One task."""
    found = task_asked_for(visit)
    board = None if visit.visitor.session is not None else board_of(visit, found)
    facts = {
        "task": found,
        "brief": brief_html(found.brief, title=found.title),
        "baselines": [
            Baseline(flavour, protocol, found.baselines.of(flavour, protocol))
            for flavour in get_args(Flavour)
            for protocol in get_args(Protocol)
        ],
        "prepared": _prepared(visit, found),
        "files": {name: path.stat().st_size for name, path in files_of(found).items()},
        "board": board,
        "places": _top(visit, board),
    }
    return Content("task.html.j2", found.title, facts)


def offered_to(visit: Visit) -> tuple[TaskSpec, ...]:
    """The tasks that a visitor sees: all, or that of the one session which its token opens."""
    if visit.visitor.session is None:
        return visit.catalog.list()
    row = visit.records.sessions.get(visit.visitor.session)
    return tuple(one for one in visit.catalog.list() if row is not None and one.id == row.task)


def task_asked_for(visit: Visit) -> TaskSpec:
    """The task that an address names.

    Raises:
        NotHere: there is none, or the visitor is offered another one only.
    """
    name = visit.path["task"]
    try:
        found = visit.catalog.get(name)
    except UnknownTask:
        raise NotHere(NO_TASK.format(name)) from None
    except TaskSpecError:
        raise NotHere(
            f"The folder of {name} is not well-formed; its operator is told why by: mlgym-mcp tasks list."
        ) from None
    if visit.visitor.session is not None and found not in offered_to(visit):
        raise NotHere(NO_TASK.format(name))
    return found


def _mentions(task: TaskSpec, words: list[str]) -> bool:
    if not words:
        return True
    text = " ".join((task.id, task.title, task.domain, task.ranking.name, task.brief)).casefold()
    return all(word in text for word in words)


def _listed(visit: Visit, task: TaskSpec) -> Listed:
    filled = [] if visit.visitor.session is not None else board_of(visit, task).filled
    return Listed(task, _prepared(visit, task), tuple((group, group.entries[0]) for group in filled))


def _prepared(visit: Visit, task: TaskSpec) -> tuple[Flavour, ...]:
    try:
        secret = (visit.folder / "secret").read_bytes()
    except OSError:  # no session was ever started here
        return ()
    return tuple(one for one in get_args(Flavour) if place_of(visit.folder, secret, task, one).is_dir())


def _top(visit: Visit, board: Board | None) -> list[tuple[Group, list[object]]]:
    return [] if board is None else [(group, [*board.places(visit, group, 0, TOP)]) for group in board.filled]
