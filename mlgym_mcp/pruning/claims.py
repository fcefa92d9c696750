"""Claims: what sessions still need of the data folder."""

from dataclasses import dataclass, field

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.pruning.choice import FLOOR
from mlgym_mcp.sessions.best import best_validated
from mlgym_mcp.sessions.state import LIVE
from mlgym_mcp.store import SessionRow, Store
from mlgym_mcp.tasks.catalog import Catalog

A_DAY = 24 * 3600.0
"""Seconds for which a session counts against its principal's quota."""
FLAVOURS = ("full", "sample")


@dataclass(frozen=True, slots=True)
class Claims:
    """What is needed, by its name in the store."""

    artefacts: set[str] = field(default_factory=set)
    archives: set[str] = field(default_factory=set)
    """Of checkpoints."""
    data: set[tuple[str, str]] = field(default_factory=set)
    """Tasks and flavours."""
    sessions: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, store: Store, catalog: Catalog, *, submitted: bool, now: float) -> "Claims":
        """What the sessions of a store need.

        Args:
            store: the store.
            catalog: tells which of two scores is better.
            submitted: whether those that are over need what they submitted, and what validated best.
            now: seconds since the epoch.
        """
        claims, unscored = cls(), {row.id for row in store.sessions.unscored()}
        for row in store.sessions.all():
            if row.state in LIVE or row.id in unscored or row.closed_at is None or row.closed_at > now - FLOOR:
                claims._of_one_that_goes_on(store, row)
            else:
                claims._of_one_that_is_over(store, catalog, row, submitted=submitted)
            if row.closed_at is None or row.closed_at > now - A_DAY:
                claims.sessions.add(row.id)
            if row.origin is not None:
                claims.sessions.add(store.checkpoints.get(row.origin).session)
        claims.sessions.update(store.sessions.lasting())
        return claims

    def _of_one_that_goes_on(self, store: Store, row: SessionRow) -> None:
        self.sessions.add(row.id)
        self.artefacts.update(one.artefact for one in store.submissions.list(row.id))
        self.artefacts.update(filter(None, (row.validated, row.submission)))
        self.archives.update(one.archive for one in store.checkpoints.of(row.id))
        if row.origin is not None:
            self.archives.add(store.checkpoints.get(row.origin).archive)
        self.data.update((row.task, flavour) for flavour in FLAVOURS if row.flavour in (flavour, "auto"))

    def _of_one_that_is_over(self, store: Store, catalog: Catalog, row: SessionRow, *, submitted: bool) -> None:
        if held := store.scores.held_of(row.id):
            self.artefacts.update(held)
            self.sessions.add(row.id)
        if submitted:
            self.artefacts.update(_best(store, catalog, row))
            self.artefacts.update(filter(None, (row.submission,)))


def _best(store: Store, catalog: Catalog, row: SessionRow) -> set[str]:
    try:
        best = best_validated(store, row.id, catalog.get(row.task))
    except (MLGymError, KeyError):  # the task isn't there any more, or its metric: who knows which was the best
        return {one.artefact for one in store.submissions.list(row.id) if one.phase == "validate"}
    return set(filter(None, (best,)))
