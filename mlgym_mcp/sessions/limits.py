"""What the manager may do: times and numbers that the operator sets."""

import math
import sys
from dataclasses import dataclass

from mlgym_mcp.sessions.quota import Quota


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of every session of one server. Times in seconds."""

    max_sessions: int = 16
    """Sessions with a sandbox at once; a `start` beyond them waits for a place."""
    max_memory: int = sys.maxsize
    """Bytes that the sandboxes of sessions, judges and contestants may use together; a `start` beyond them waits."""
    max_cpus: float = math.inf
    """The same for CPUs."""
    max_waiting: int = 1000
    """Sessions that wait to be opened at once; a `start` beyond them is refused."""
    lease_s: float = 4 * 3600.0
    """How long a session keeps its sandbox without a call and without a running job."""
    gpu_lease_s: float = 1800.0
    """The same for a session that has GPUs, which others may wait for."""
    orphan_grace: float = 900.0
    """How long a sandbox lives on without a server and without a running job."""
    pool: int = 0
    """Sandboxes kept warm of each kind that a session has asked for."""
    scoring_limit: int = 1
    """Artefacts scored at once."""
    quota: Quota = Quota()
    """What each principal may have of them."""
    checkpoint_bytes: int = 8 * 1024**3
    """What the checkpoints of one session may hold, each counted in full."""
    notify_s: float = 3.0
    """Pause between two notices to a waiting caller."""
    slack_s: float = 5.0
    """How long a sandbox may keep a caller beyond what the caller would wait; clients give up after 60 in all."""
    tick_s: float = 30.0
    """Pause between two looks of a session's keeper at its sandbox, lease and clock."""

    def lease_of(self, gpus: int) -> float:
        """How long a session with so many GPUs keeps its sandbox unused."""
        return self.gpu_lease_s if gpus else self.lease_s
