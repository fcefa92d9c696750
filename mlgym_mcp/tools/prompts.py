"""The prompts: what a person may pick instead of writing it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.reply import told

ATTEMPT = """\
Attempt the task {task}. {start}Read its brief below, work with `bash` and `edit`, measure with `validate`, and finish
with `submit`. Use the budget well: every reply says what is left of it.

{brief}
"""


def add_prompts(server: MCPServer, desk: Desk) -> None:
    """Give a server its prompts. Where there is one task only, it need not be named."""
    attempt = Attempt(desk)
    prompt = server.prompt("attempt", title="Attempt a task")
    prompt(attempt.of_the_only_task if desk.one_session else attempt.of_a_task)


class Attempt:
    """The prompt that sets a model to work."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def of_a_task(self, task: str) -> str:
        """Work at one task until it is submitted."""
        with self._refusing():
            brief = (await self._desk.task(task)).brief
        return ATTEMPT.format(task=task, start=f"Begin with `start` on {task}. ", brief=brief)

    async def of_the_only_task(self, task: str | None = None) -> str:
        """Work at the task until it is submitted."""
        with self._refusing():
            [only] = await self._desk.tasks() if task is None else [await self._desk.task(task)]
        return ATTEMPT.format(task=only.id, start="", brief=only.brief)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            self._desk.guard.require("read")
            yield
        except MLGymError as error:
            raise MCPError(INVALID_PARAMS, told(error)) from error
