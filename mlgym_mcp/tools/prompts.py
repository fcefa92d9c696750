"""The prompts: what a person may pick instead of writing it."""

from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from mlgym_mcp.errors import UnknownSession, UnknownTask
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.reply import told

ATTEMPT = """\
Attempt the task {task}. {start}Read its brief below, work with `bash` and `edit`, measure with `validate`, and finish
with `submit`. Use the budget well: every reply says what is left of it.

{brief}
"""


def add_prompts(server: MCPServer, desk: Desk) -> None:
    """Give a server its prompts."""

    @server.prompt("attempt", title="Attempt a task")
    async def attempt(task: str) -> str:
        """Work at one task until it is submitted."""
        try:
            brief = (await desk.task(task)).brief
        except (UnknownTask, UnknownSession) as error:
            raise MCPError(INVALID_PARAMS, told(error)) from error
        start = "" if desk.one_session else f"Begin with `start` on {task}. "
        return ATTEMPT.format(task=task, start=start, brief=brief)
