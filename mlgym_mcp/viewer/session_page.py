"""One session: its head, its scores over steps, and its trajectory in leaves; one event of it whole; its export."""

import json

from mlgym_mcp.log import TOKEN
from mlgym_mcp.sessions.budget import load_budget
from mlgym_mcp.sessions.export import REDACTED, session_document
from mlgym_mcp.store import Event, SessionRow
from mlgym_mcp.viewer import event as events
from mlgym_mcp.viewer import plot
from mlgym_mcp.viewer.block import Cutting
from mlgym_mcp.viewer.course import course
from mlgym_mcp.viewer.event import LEAF, ShownEvent
from mlgym_mcp.viewer.head import head, jobs
from mlgym_mcp.viewer.leaf import Leaf
from mlgym_mcp.viewer.naming import public_id
from mlgym_mcp.viewer.page import Content, Download, Elsewhere, NotHere
from mlgym_mcp.viewer.visit import Visit

SHORT = Cutting()
NO_EVENT = "This session has no event of this number; its trajectory has those that there are."


def session(visit: Visit) -> Content | Elsewhere:
    """A session with one leaf of its trajectory: the newest, unless the query says which, or looks for something."""
    row = visit.session(visit.path["session"])
    if visit.path["session"] != public_id(row):
        return Elsewhere(f"/sessions/{public_id(row)}")
    count = visit.records.events.count(row.id)
    sought = {name: visit.sought(name) for name in ("tool", "text")}
    leaf, shown = _found(visit, row, sought) if any(sought.values()) else _in_order(visit, row, count)
    found = course(visit.records, row, visit.task(row.task))
    facts = {
        "head": head(visit, row, jobs(visit, row)),
        "course": found,
        "plot": plot.of_course("scores", found),
        "events": shown,
        "leaf": leaf,
        "sought": sought,
        "kinds": visit.records.events.kinds(row.id),
        "count": count,
        "follow": None if any(sought.values()) or not leaf.last else _settled(leaf, shown),
    }
    return Content("session.html.j2", f"{row.task}, session {public_id(row)[:8]}", facts)


def event(visit: Visit) -> Content:
    """One event, whole."""
    row = visit.session(visit.path["session"])
    number = visit.path["number"]
    found = visit.records.events.after(row.id, int(number) - 1, 1) if number.isdecimal() and 0 < int(number) else []
    if not found:
        raise NotHere(NO_EVENT)
    shown = show(visit, row, found[0], int(number), Cutting(whole=True))
    facts = {"event": shown, "row": row}
    return Content("event.html.j2", f"Event {shown.number}, {shown.kind}", facts)


def export(visit: Visit) -> Download:
    """All that is kept of a session, as `sessions export` writes it."""
    row = visit.session(visit.path["session"])
    document = json.dumps(session_document(visit.records, row), ensure_ascii=False)
    return Download(f"{row.sandbox}.json", "application/json", TOKEN.sub(REDACTED, document))


def show(visit: Visit, row: SessionRow, found: Event, number: int, cut: Cutting = SHORT) -> ShownEvent:
    """An event of a session."""
    steps = load_budget(row.budget).limits.steps
    return events.show(found, number, steps, lambda text: visit.hidden(row, text), cut)


def _settled(leaf: Leaf, shown: list[ShownEvent]) -> int:
    """The number of the last event before which all are shown as they will stay."""
    return next((one.number for one in shown if one.seconds is None), leaf.total + 1) - 1


def _in_order(visit: Visit, row: SessionRow, count: int) -> tuple[Leaf, list[ShownEvent]]:
    newest = max(1, -(-count // LEAF))
    leaf = Leaf(min(visit.number("page", newest), newest), LEAF, count, f"/sessions/{public_id(row)}", {})
    found = visit.records.events.after(row.id, leaf.skip, LEAF)
    return leaf, [show(visit, row, one, number) for number, one in enumerate(found, start=leaf.skip + 1)]


def _found(visit: Visit, row: SessionRow, sought: dict[str, str]) -> tuple[Leaf, list[ShownEvent]]:
    number = visit.number("page")
    found, count = visit.records.events.found(row, sought["tool"], sought["text"], skip=(number - 1) * LEAF, most=LEAF)
    numbers = visit.records.events.numbers(row.id, found)
    given = {name: value for name, value in sought.items() if value}
    leaf = Leaf(number, LEAF, count, f"/sessions/{public_id(row)}", given)
    return leaf, [show(visit, row, one, numbers[one.id], Cutting(sought=sought["text"])) for one in found]
