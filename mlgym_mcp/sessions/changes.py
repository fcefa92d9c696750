"""Changes: that a session or a leaderboard is no longer what it was, told at once to who listens.

Only of what this server writes; what other servers on the same data folder do is not known here.
"""

from typing import Protocol


class Listener(Protocol):
    """Who is told; in the midst of work, perhaps before it is committed, so it returns at once and raises nothing."""

    def session_changed(self, session: str) -> None:
        """A session's state, budget, trajectory or score has changed; `session` is its handle, secret."""

    def leaderboard_changed(self, task: str) -> None:
        """A task has a new final score."""


class Changes:
    """Where the sessions of one manager tell of their changes."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def tell(self, listener: Listener) -> None:
        """Tell this listener too, from now on."""
        self._listeners = (*self._listeners, listener)

    def session(self, session: str) -> None:
        """A session has changed."""
        for listener in self._listeners:
            listener.session_changed(session)

    def leaderboard(self, task: str) -> None:
        """A task has a new final score."""
        for listener in self._listeners:
            listener.leaderboard_changed(task)
