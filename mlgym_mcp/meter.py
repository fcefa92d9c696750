"""The meter: told of what happens, each thing in one place, by whoever does it.

This one counts nothing, which costs nothing: only a server over HTTP, whose figures somebody may ask for, has another
(`web/metrics.py`). Labels are few by their nature: tasks, tools and words of ours; never a handle, never a text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

CallOutcome = Literal["ok", "refused", "failed", "cancelled"]
"""`refused`: the caller can mend it; `failed`: we failed; `cancelled`: the caller did not wait for the answer."""
Stage = Literal["preparation", "gpus", "place", "sandbox"]
"""What a session waits for until it is open."""


@dataclass(frozen=True, slots=True)
class Room:
    """What of one kind is taken, and what there is."""

    taken: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Census:
    """How a manager stands at one moment."""

    open: int = 0
    waiting: Mapping[Stage, int] = field(default_factory=dict)
    """Sessions that are not open yet, by what they wait for."""
    calls: int = 0
    """Calls that sandboxes work on."""
    jobs: int = 0
    """Running jobs, as each session's keeper last saw them."""
    rooms: Mapping[str, Room] = field(default_factory=dict)
    """`places`, `memory` in bytes and `cpus` for sandboxes; `scorings`."""
    scorings_waiting: int = 0
    gpus_lent: int = 0
    warm: int = 0
    """Sandboxes that were started ahead and wait to be taken."""
    warm_taken: int = 0
    """How often one was there, since the server's start."""
    warm_missed: int = 0
    """How often none was."""


TakeCensus: TypeAlias = Callable[[], Census]


class Meter:
    """Counts nothing. Times in seconds."""

    def follow(self, census: TakeCensus | None) -> None:
        """There is a manager to ask how it stands; None: it is gone."""

    def session_started(self, task: str) -> None:
        """A session was begun."""

    def session_ended(self, task: str, exit_status: str) -> None:
        """A session is over."""

    def session_not_opened(self) -> None:
        """A session could not be opened."""

    def tool_called(self, tool: str, outcome: CallOutcome, seconds: float) -> None:
        """A tool has answered."""

    def sandbox_given(self, backend: str, seconds: float, *, warm: bool) -> None:
        """A session has its sandbox, from those started ahead or started for it."""

    def sandbox_not_started(self, backend: str) -> None:
        """A sandbox, whoever it was for, could not be started."""

    def guest_asked(self) -> None:
        """A guest was sent a request."""

    def scored(self, task: str, phase: str, outcome: str, seconds: float) -> None:
        """An artefact was scored, or came to a fault."""

    def committed(self, seconds: float) -> None:
        """The store has written a transaction."""

    def request_answered(self, method: str, code: int) -> None:
        """A request over HTTP has been answered."""
