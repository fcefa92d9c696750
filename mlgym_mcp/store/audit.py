"""The audit log: who did what, one line of JSON each, appended to a file that the server never shortens.

Its writer opens the file for each line, so the operator may move it away at any time; a new one is begun then.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlgym_mcp.bucket import Buckets
from mlgym_mcp.log import fingerprint
from mlgym_mcp.store.files import append

FILE = "audit.log"
REFUSALS = 20
"""Refusals of one kind to one principal that are written in a minute; the next one after says how many were not."""


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose account something is done, as the log tells it: without secrets."""

    principal: str | None = None
    token: str | None = None
    """The id of the token that was shown."""
    address: str | None = None
    request: str | None = None
    """The id of the request over HTTP, as in the log."""


SERVER = Actor()
"""The server itself, by its clocks and rules."""

_current: ContextVar[Actor] = ContextVar("actor", default=SERVER)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Do something on this one's account."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)


class AuditLog:
    """The file; servers and commands on one data folder share it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self._refusals = Buckets(REFUSALS)

    def write(self, event: str, *, session: str | None = None, **details: object) -> None:
        """Add a line about what the current actor does.

        Args:
            event: What it is, such as `session_started`.
            session: The handle of the session that it is about; its fingerprint is written.
            details: What else is to be known; no secrets.
        """
        actor = _current.get()
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "principal": actor.principal,
            "token": actor.token,
            "session": session and fingerprint(session),
            "request": actor.request,
            "address": actor.address,
            **details,
        }
        append(self.file, json.dumps({name: value for name, value in line.items() if value is not None}) + "\n")

    def refuse(self, event: str, *, session: str | None = None, **details: object) -> None:
        """Add a line about something that was refused; not one for each where they come in floods."""
        bucket = self._refusals.of((event, _current.get().principal))
        left_out = bucket.missed
        if not bucket.take():
            self.write(event, session=session, **details, left_out=left_out or None)

    def lines(self) -> Iterator[Mapping[str, str]]:
        """What is written, oldest first; what is no line of ours is passed over."""
        try:
            with self.file.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        found = json.loads(line)
                    except ValueError:  # a disk was full in the midst of it
                        continue
                    if isinstance(found, dict):
                        yield found
        except FileNotFoundError:
            return
