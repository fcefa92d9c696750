"""The census: how a manager stands at one moment, counted when somebody asks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlgym_mcp.meter import Census, Room, Stage
from mlgym_mcp.sessions.shared import Shared
from mlgym_mcp.sessions.state import SessionState


@dataclass(frozen=True, slots=True)
class Presence:
    """What one session adds to it."""

    state: SessionState
    stage: Stage
    """What it waits for, while it waits."""
    calls: int
    jobs: int


def take_census(shared: Shared, sessions: Sequence[Presence]) -> Census:
    """Count everything."""
    taken, total = shared.sandboxes.taken, shared.sandboxes.total
    pool = shared.pool
    return Census(
        open=sum(session.state == "open" for session in sessions),
        waiting=Counter(session.stage for session in sessions if session.state == "waiting"),
        calls=sum(session.calls for session in sessions),
        jobs=sum(session.jobs for session in sessions),
        rooms={
            "places": Room(taken.places, total.places),
            "memory": Room(taken.memory, total.memory),
            "cpus": Room(taken.cpus, total.cpus),
            "scorings": Room(shared.scoring.taken.places, shared.scoring.total.places),
        },
        scorings_waiting=shared.scoring.waiting,
        gpus_lent=len(shared.services.store.gpu_leases.all()),
        warm=pool.warm,
        warm_taken=pool.taken,
        warm_missed=pool.missed,
    )
