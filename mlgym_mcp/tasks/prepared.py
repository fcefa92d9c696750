"""A task whose data lies on this machine, ready for sessions and for scoring."""

from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.tasks.measures import Flavour


@dataclass(frozen=True, slots=True)
class PreparedTask:
    """Where the prepared parts of one task lie on the host, and how they came about."""

    task_id: str
    flavour: Flavour
    profile: str
    """Environment profile of its sandboxes: the task's, or the variant of that for GPUs."""
    public: Path
    """What the agent sees, read-only."""
    hidden: Path
    """What only the judge sees, read-only."""
    digest: str
    """The environment or image its sandboxes run on."""
