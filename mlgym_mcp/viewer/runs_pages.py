"""Runs: what `mlgym-mcp run` made or makes, agent by agent and task by task. Only for whoever operates the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mlgym_mcp.store import SessionRow
from mlgym_mcp.viewer.block import Cutting
from mlgym_mcp.viewer.charts import Axis, Chart, Line, step_chart
from mlgym_mcp.viewer.event import LEAF, ShownEvent
from mlgym_mcp.viewer.leaf import Leaf
from mlgym_mcp.viewer.page import Content, NotHere, Page
from mlgym_mcp.viewer.recorded import shown
from mlgym_mcp.viewer.run_record import AttemptLine, AttemptRecord, Profile, RunRecord, Runs, UnknownRun
from mlgym_mcp.viewer.session_page import SHORT
from mlgym_mcp.viewer.text import hidden
from mlgym_mcp.viewer.visit import Visit

SIZE = 200
"""Attempts on a page."""
SHARE = Axis("share of tasks", 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart of profiles, and the methods' areas under them."""

    profile: Profile
    chart: Chart


def run_pages(runs: Runs) -> tuple[Page, ...]:
    """The pages of somebody's runs."""
    found = RunsPages(runs)
    return (
        Page("/runs", found.runs, "Runs", scope="read", for_operators=True),
        Page("/runs/{run}", found.run, scope="read", for_operators=True),
        Page("/runs/{run}/{task}/{agent}/{number}", found.attempt, scope="read", for_operators=True),
        Page("/runs/{run}/{task}/{agent}/{number}/events/{event}", found.event, scope="read", for_operators=True),
    )


class RunsPages:
    """Shows runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def runs(self, visit: Visit) -> Content:
        """All runs."""
        return Content("runs.html.j2", "Runs", {"runs": self._runs.list()})

    def run(self, visit: Visit) -> Content:
        """One run as it stands, and its attempts that are asked for."""
        try:
            record = self._runs.get(visit.path["run"])
        except UnknownRun as error:
            raise NotHere(str(error)) from None
        wanted = {name: visit.query.get(name, "") for name in ("task", "agent", "ending")}
        attempts = [one for one in record.attempts if _is_wanted(one, wanted)]
        given = {name: value for name, value in wanted.items() if value}
        leaf = Leaf(visit.number("page"), SIZE, len(attempts), f"/runs/{quote(record.line.name)}", given)
        facts = {
            "record": record,
            "drawn": [_drawn(section.profiles, place) for place, section in enumerate(record.sections, start=1)],
            "attempts": attempts[leaf.skip : leaf.skip + SIZE],
            "leaf": leaf,
            "wanted": wanted,
            "choices": _choices(record),
        }
        return Content("run.html.j2", record.line.name, facts)

    def attempt(self, visit: Visit) -> Content:
        """One attempt of a run, with one leaf of all that was done in it."""
        record, path = self._attempt(visit)
        leaf = Leaf(visit.number("page"), LEAF, len(record.events), path, {})
        some = range(leaf.skip + 1, min(leaf.skip + LEAF, leaf.total) + 1)
        facts = {
            "record": record,
            "session": _session(visit, record.line),
            "events": [_event(record, number) for number in some],
            "leaf": leaf,
        }
        return Content("attempt.html.j2", _title(record), facts)

    def event(self, visit: Visit) -> Content:
        """One event of an attempt, whole."""
        record, path = self._attempt(visit)
        number = _number(visit.path["event"])
        if not 0 < number <= len(record.events):
            raise NotHere("This attempt has no event of this number.")
        event = _event(record, number, Cutting(whole=True))
        facts = {"record": record, "event": event, "path": path}
        return Content("attempt_event.html.j2", f"Event {number}, {event.kind}", facts)

    def _attempt(self, visit: Visit) -> tuple[AttemptRecord, str]:
        """The attempt that an address names, and the path of its page."""
        run, task, agent, number = (visit.path[name] for name in ("run", "task", "agent", "number"))
        try:
            record = self._runs.attempt(run, task, agent, _number(number))
        except UnknownRun as error:
            raise NotHere(str(error)) from None
        return record, "/runs/" + "/".join(map(quote, (run, task, agent, number)))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _title(record: AttemptRecord) -> str:
    return f"{record.line.task}, {record.line.agent}, attempt {record.line.number}"


def _event(record: AttemptRecord, number: int, cut: Cutting = SHORT) -> ShownEvent:
    own = record.line.session or ""
    return shown(record.events[number - 1], number, record.steps, lambda text: hidden(text, own), cut)


def _session(visit: Visit, line: AttemptLine) -> SessionRow | None:
    """An attempt's session, if it is one of this data folder's."""
    return None if line.session is None else visit.records.sessions.get(line.session)


def _is_wanted(line: AttemptLine, wanted: dict[str, str]) -> bool:
    return all(value in ("", getattr(line, name)) for name, value in wanted.items())


def _choices(record: RunRecord) -> dict[str, list[str]]:
    """What attempts can be chosen by."""
    return {
        name: sorted({getattr(one, name) for one in record.attempts} - {""}) for name in ("task", "agent", "ending")
    }


def _drawn(profiles: Sequence[Profile], section: int) -> list[Drawn]:
    return [
        Drawn(
            profile,
            step_chart(
                f"s{section}-{place}",
                profile.caption,
                [Line(method, points) for method, points in profile.lines.items()],
                Axis(profile.axis, 0.0, profile.end),
                SHARE,
            ),
        )
        for place, profile in enumerate(profiles, start=1)
    ]
