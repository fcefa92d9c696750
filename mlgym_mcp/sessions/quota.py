"""Quotas: how many sessions one principal may have, so that it leaves room to others."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlgym_mcp.errors import QuotaSpent
from mlgym_mcp.sessions.principal import OPERATORS

if TYPE_CHECKING:  # the settings name a quota, and are read before there is a store
    from mlgym_mcp.store import SessionRow, Store

DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Quota:
    """What one principal may have; None: as much as there is."""

    at_once: int | None = None
    """Sessions that wait or are open, on all servers of the data folder."""
    a_day: int | None = None
    """Sessions started within any 24 hours."""

    def require_room(self, store: "Store", row: "SessionRow") -> None:
        """Refuse a new session where its principal has no room for it.

        Raises:
            QuotaSpent: there is none; says how it can be had.
        """
        principal, now = row.principal, row.created_at
        if principal in OPERATORS:
            return
        if self.at_once is not None and store.sessions.live_of(principal) >= self.at_once:
            raise QuotaSpent(
                f"You have as many sessions at once as you may ({self.at_once}): `submit` or `end` one first."
            )
        if self.a_day is not None:
            started = store.sessions.started_since(principal, now - DAY)
            if len(started) >= self.a_day:
                wait = started[-self.a_day] + DAY - now
                raise QuotaSpent(
                    f"You have started as many sessions in 24 hours as you may ({self.a_day}); "
                    f"the next one in {_words(wait)}."
                )


def _words(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
