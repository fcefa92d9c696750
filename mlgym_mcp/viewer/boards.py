"""Leaderboards with the sessions behind their entries, kept from one visit to the next."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import get_args

from mlgym_mcp.sessions.leaderboard import Entry, Group, Leaderboard, leaderboard_of, ranked
from mlgym_mcp.store import SessionRow, Standing
from mlgym_mcp.tasks.measures import Flavour, Protocol
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.viewer.visit import Visit


@dataclass(frozen=True, slots=True)
class Place:
    """An entry, the backend that it was scored on, and its session where the visitor may see that."""

    entry: Entry
    backend: str
    session: SessionRow | None


@dataclass(frozen=True)
class Board:
    """A task's leaderboard as it is now."""

    task: TaskSpec
    leaderboard: Leaderboard
    standings: list[Standing] = field(repr=False)

    @property
    def filled(self) -> list[Group]:
        """The groups that have an entry."""
        return [group for group in self.leaderboard.groups if group.entries]

    def places(self, visit: Visit, group: Group, first: int, most: int) -> Iterator[Place]:
        """Some entries of a group, from the one after `first` others, `most` at the most."""
        behind = ranked(self.task, group.flavour, group.protocol, self.standings)
        for entry, standing in list(zip(group.entries, behind, strict=True))[first : first + most]:
            row = visit.records.sessions.get(standing.session)
            yield Place(entry, standing.score.backend, row if row is not None and visit.sees(row) else None)


_kept: dict[tuple[Path, str], tuple[object, Board]] = {}
_lock = Lock()
MOST_KEPT = 200
"""Boards."""


def board_of(visit: Visit, task: TaskSpec) -> Board:
    """A task's leaderboard; computed anew when a score or an ending has come since it was last asked for."""
    place, stamp = (visit.folder, task.id), (task.ranking, visit.records.scores.stamp(task.id))
    found = _kept.get(place)
    if found is None or found[0] != stamp:
        standings = visit.records.scores.standings(task.id)
        found = stamp, Board(task, leaderboard_of(task, standings), standings)
        with _lock:
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            _kept[place] = found
    return found[1]


def group_asked_for(visit: Visit, board: Board) -> Group:
    """The group that a query names; else the first that has an entry."""
    named = (visit.query.get("data"), visit.query.get("protocol"))
    if named[0] in get_args(Flavour) and named[1] in get_args(Protocol):
        return board.leaderboard.group(*named)  # type: ignore[arg-type]  # looked at just now
    return next(iter(board.filled), board.leaderboard.groups[0])
