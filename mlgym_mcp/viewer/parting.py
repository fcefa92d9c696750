"""Where two trajectories part: the first call that the one made and the other did not, or that came out otherwise."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from mlgym_mcp.store import Event, Records

FIRST, MOST = 50, 1600
"""Events that are read together: few at first, since most trajectories part early, then more and more."""
COMMANDS = ("bash", "job")
VERDICTS = ("validate", "submit")

How = Literal["did something else", "came to something else", "had no more"]


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference between a session and another."""

    number: int
    """Of the event, from 1, in both; all before are alike."""
    how: How
    one: Event | None
    """None where it had no more."""
    other: Event | None


def parting(records: Records, one: str, other: str) -> Parting | None:
    """Where two sessions, named by their handles, part; None where they are alike to their ends."""
    both = zip_longest(_events(records, one), _events(records, other))
    for number, (here, there) in enumerate(both, start=1):
        if here is None or there is None:
            return Parting(number, "had no more", here, there)
        if (here.kind, here.request) != (there.kind, there.request):
            return Parting(number, "did something else", here, there)
        if _came_to(here) != _came_to(there):
            return Parting(number, "came to something else", here, there)
    return None


def _events(records: Records, session: str) -> Iterator[Event]:
    number, most = 0, FIRST
    while found := records.events.after(session, number, most):
        yield from found
        number, most = number + len(found), min(2 * most, MOST)


def _came_to(event: Event) -> tuple[Any, ...]:
    """What of a reply is the same whenever the same happened: no times, and no words of a program."""
    reply = json.loads(event.reply) if event.reply is not None else {}
    if event.kind in COMMANDS:
        result = reply.get("result") or {}
        return event.error is None, result.get("exit_code"), result.get("running")
    if event.kind in VERDICTS:
        return event.error is None, reply.get("outcome"), (reply.get("score") or {}).get("artefact")
    return (event.error is None,)
