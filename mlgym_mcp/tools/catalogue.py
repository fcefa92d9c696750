"""The tools that read: `list_tasks`, and `read` for clients that show a model no resources."""

from typing import Annotated

from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from mlgym_mcp.errors import CallerError
from mlgym_mcp.tools.answers import TaskEntry, TaskList
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.incoming import Request
from mlgym_mcp.tools.output import shown
from mlgym_mcp.tools.render import task_text
from mlgym_mcp.tools.reply import structured, text


class CatalogueTools:
    """What there is to do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list_tasks(
        self,
        domain: Annotated[str | None, Field(description="Only tasks of this domain.")] = None,
    ) -> Annotated[CallToolResult, TaskList]:
        """List the tasks: id, what is measured, the baseline's score and the best known one. Begin here. Free."""
        tasks = await self._desk.tasks(domain)
        if not tasks:
            domains = sorted({task.domain for task in await self._desk.tasks()})
            raise CallerError(f"There is no task of the domain {domain!r}; there are: {', '.join(domains) or 'none'}.")
        passed_over = self._desk.passed_over()
        answer = TaskList(tasks=[TaskEntry.of(task) for task in tasks], passed_over=passed_over)
        note = f"(Passed over, for the operator to mend: {', '.join(passed_over)}.)" if passed_over else ""
        return structured(answer, *map(task_text, tasks), "Start one with `start`; `read` shows more of each.", note)

    async def read(
        self,
        request: Request,
        uri: Annotated[str, Field(description="Such as mlgym://tasks/battle-of-the-sexes-v1.")],
    ) -> CallToolResult:
        """Read one of this server's resources. Free.

        `mlgym://tasks`: the catalogue. `mlgym://tasks/{id}`: a task and its brief. `mlgym://tasks/{id}/files/{path}`:
        its brief and starter files. `mlgym://sessions/{session}` and `mlgym://sessions/{session}/trajectory`: how a
        session of yours stands, and all that was done in it.
        """
        contents = await request.mcp_server.read_resource(uri, request)
        if isinstance(contents, InputRequiredResult):
            raise CallerError(f"{uri} can't be read without further input.")
        return text(*(shown(_as_bytes(part.content), rest="read the resource itself") for part in contents))


def _as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()
