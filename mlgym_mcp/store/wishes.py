"""Wishes: what the operator wants of a session that another process owns, which alone may write it."""

from typing import Literal

from mlgym_mcp.store.database import Database

Wish = Literal["end"]


class Wishes:
    """The table of wishes: the last one of each session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: str, wish: Wish, *, at: float) -> None:
        """Record a wish, in place of an earlier one. `at` in seconds since the epoch."""
        self._database.change(
            "INSERT OR REPLACE INTO wishes (session, wish, at) VALUES (:session, :wish, :at)",
            {"session": session, "wish": wish, "at": at},
        )

    def of(self, session: str) -> Wish | None:
        """What is wished of a session; None if nothing is."""
        found = self._database.row("SELECT wish FROM wishes WHERE session = :session", {"session": session})
        return None if found is None else found["wish"]
