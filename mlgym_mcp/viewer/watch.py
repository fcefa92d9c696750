"""Watches: what has changed since a page was shown, as the parts of it to be shown anew."""

from dataclasses import dataclass, field
from typing import Protocol

from mlgym_mcp.store import Event, SessionRow
from mlgym_mcp.viewer import plot, session_page, sessions_page
from mlgym_mcp.viewer.course import KINDS, course
from mlgym_mcp.viewer.head import Job, head, jobs
from mlgym_mcp.viewer.naming import public_id
from mlgym_mcp.viewer.rendering import Rendering
from mlgym_mcp.viewer.visit import Visit

AT_ONCE = 50
"""Events that are sent together; more follow at once."""
TRAJECTORY = "trajectory.html.j2"


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a page that takes the place of the one with its id, or comes after all others; or one that is gone."""

    content: str
    """HTML, or of what is gone the id."""
    gone: bool = False


class Watch(Protocol):
    """One page that is watched."""

    @property
    def seen(self) -> int:
        """How far it has come: from where a watch goes on whose connection broke."""

    @property
    def more(self) -> bool:
        """Whether the last look left something for the next."""

    def allows(self, visit: Visit) -> None:
        """Whether there is something that the visitor may watch.

        Raises:
            NotHere: there is not.
        """

    def look(self, visit: Visit) -> list[Change]:
        """What has changed since the last look.

        Raises:
            NotHere: there is nothing to be seen any more.
        """


@dataclass(slots=True)
class SessionWatch:
    """The newest leaf of a session."""

    rendering: Rendering
    name: str
    seen: int
    """All events up to here were shown as they will stay."""
    more: bool = False
    _handle: str | None = None
    _open: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """Number → id of the events after those that were shown, and whether they were answered then."""
    _jobs: tuple[Job, ...] | None = None
    _parts: dict[str, str] = field(default_factory=dict)

    def allows(self, visit: Visit) -> None:
        """Whether the session is there, and the visitor's to see.

        Raises:
            NotHere: it is not.
        """
        self._row(visit)

    def look(self, visit: Visit) -> list[Change]:
        """What has changed since the last look.

        Raises:
            NotHere: there is nothing to be seen any more.
        """
        row = self._row(visit)
        # Those that are open may be many, and old: what came after them is not to wait for them.
        most = AT_ONCE + len(self._open)
        found = list(enumerate(visit.records.events.after(row.id, self.seen, most), start=self.seen + 1))
        self.more = len(found) == most
        new = [(number, event) for number, event in found if self._open.get(number) != (event.id, event.finished)]
        gone = [number for number in self._open if number > self.seen + len(found)]
        changes = [Change(self._article(visit, row, number, event)) for number, event in new]
        changes += [Change(f"e{number}", gone=True) for number in gone]
        self._open = {number: (event.id, event.finished) for number, event in found}
        while self._open.get(self.seen + 1, (0, False))[1]:
            self.seen += 1
            del self._open[self.seen]
        return changes + self._above(visit, row, {event.kind for _, event in new if event.finished})

    def _row(self, visit: Visit) -> SessionRow:
        # By its name it is looked for among all of them.
        row = None if self._handle is None else visit.records.sessions.get(self._handle)
        if row is None or not visit.sees(row):
            row = visit.session(self.name)
        self._handle = row.id
        return row

    def _article(self, visit: Visit, row: SessionRow, number: int, event: Event) -> str:
        shown = session_page.show(visit, row, event, number)
        return self.rendering.part(TRAJECTORY, "article", shown, f"/sessions/{public_id(row)}")

    def _above(self, visit: Visit, row: SessionRow, kinds: set[str]) -> list[Change]:
        """What stands above the trajectory, where that has changed."""
        first = self._jobs is None
        if first or kinds & {"bash", "job"}:
            self._jobs = jobs(visit, row)
        changes = self._part("head", self.rendering.part(TRAJECTORY, "head", head(visit, row, self._jobs or ())))
        if first or kinds & set(KINDS):
            found, path = course(visit.records, row, visit.task(row.task)), f"/sessions/{public_id(row)}"
            drawn = plot.of_course("scores", found)
            changes += self._part("scores", self.rendering.part(TRAJECTORY, "scores", found, drawn, path))
        return changes

    def _part(self, name: str, content: str) -> list[Change]:
        before, self._parts[name] = self._parts.get(name), content
        return [] if before == content else [Change(content)]


@dataclass(slots=True)
class ListWatch:
    """The list of sessions."""

    rendering: Rendering
    seen: int = 0
    more: bool = False
    _rows: str = ""

    def allows(self, visit: Visit) -> None:
        """There is always a list."""

    def look(self, visit: Visit) -> list[Change]:
        """What has changed since the last look: the rows, if anything."""
        found = sessions_page.lines(visit)
        before, self._rows = self._rows, self.rendering.part("session_rows.html.j2", "rows", found)
        return [] if before == self._rows else [Change(self._rows)]
