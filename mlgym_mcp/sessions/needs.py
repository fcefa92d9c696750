"""What a session needs of its server, and whether that can ever be had."""

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sessions.amounts import Amounts
from mlgym_mcp.sessions.capacity import Capacity
from mlgym_mcp.tasks.spec import TaskSpec


def needs(task: TaskSpec) -> Amounts:
    """What one session on the task takes as long as it has its sandbox."""
    return Amounts(1, task.resources.memory, task.resources.cpus)


def require_possible(task: TaskSpec, capacity: Capacity) -> None:
    """Refuse a task that would wait for ever.

    Raises:
        CallerError: a session on it may use more than the whole server; names the settings.
    """
    if missing := capacity.missing(needs(task)):
        settings = [name for name, amount in (("max_memory", missing.memory), ("max_cpus", missing.cpus)) if amount]
        raise CallerError(
            f"A session on {task.id} may use {missing}, and all sessions of this server together "
            f"{capacity.total.of_kinds(missing)}: another task fits, or the operator raises {' and '.join(settings)}."
        )
