"""The leaderboards: what was submitted on each task, best first. Of no use, and not offered, within one session."""

from typing import Any

from mcp.server import MCPServer
from mcp.types import Resource

from mlgym_mcp.errors import UnknownTask
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.reply import readable

TEMPLATE = "mlgym://leaderboard/{task}"
JSON = "application/json"


def add_leaderboards(server: MCPServer[Any], desk: Desk) -> None:
    """Give a server its leaderboards."""

    @server.resource(TEMPLATE, title="A task's leaderboard", mime_type=JSON)
    @readable
    @desk.guard.guarded("read")
    async def leaderboard(task: str) -> str:
        """What was submitted on a task, best first; each flavour and protocol by itself, beside baseline and target."""
        ranked = await ranked_task(desk, task)
        manager = await desk.manager()
        return manager.leaderboard(ranked).model_dump_json(indent=2)


def leaderboard_of(task: TaskSpec) -> Resource:
    """How a task's leaderboard is listed."""
    return Resource(
        uri=TEMPLATE.format(task=task.id),
        name=f"leaderboard of {task.id}",
        title=f"Leaderboard: {task.title}",
        mime_type=JSON,
    )


async def ranked_task(desk: Desk, task_id: str) -> TaskSpec:
    """The task whose leaderboard a caller means.

    Raises:
        UnknownTask: there is no such task, or the caller is shown no leaderboards.
    """
    if desk.one_session:
        raise UnknownTask("There is one session only here, which is shown no leaderboard.")
    return await desk.task(task_id)
