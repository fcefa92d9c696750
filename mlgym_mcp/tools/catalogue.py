"""The tools that read: `list_tasks`, and `read` for clients that show a model no resources."""

import base64
from typing import Annotated

from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import CallToolResult, ContentBlock, ImageContent, InputRequiredResult, TextContent
from pydantic import Field

from mlgym_mcp.errors import CallerError
from mlgym_mcp.tools.answers import TaskEntry, TaskList
from mlgym_mcp.tools.desk import Desk
from mlgym_mcp.tools.files import IMAGES, binary_type
from mlgym_mcp.tools.incoming import Request
from mlgym_mcp.tools.output import shown
from mlgym_mcp.tools.render import task_text
from mlgym_mcp.tools.reply import mixed, structured

MAX_IMAGE = 5 * 1024 * 1024
"""Bytes of an image that can be shown, as for `edit`."""


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
        its brief and starter files; a PNG or JPEG is shown as an image. `mlgym://leaderboard/{id}`: what was submitted
        on a task, best first. `mlgym://sessions/{session}` and `mlgym://sessions/{session}/trajectory`: how a session
        of yours stands, and all that was done in it.
        """
        contents = await request.mcp_server.read_resource(uri, request)
        if isinstance(contents, InputRequiredResult):
            raise CallerError(f"{uri} can't be read without further input.")
        return mixed([_block(uri, part) for part in contents])


def _block(uri: str, part: ReadResourceContents) -> ContentBlock:
    if isinstance(part.content, str):
        return TextContent(type="text", text=shown(part.content.encode(), rest="read the resource itself").rstrip("\n"))
    kind = binary_type(part.content)
    if kind in IMAGES.values() and len(part.content) <= MAX_IMAGE:
        return ImageContent(type="image", data=base64.b64encode(part.content).decode(), mime_type=kind)
    raise CallerError(
        f"{uri} is {len(part.content):,} bytes of {kind}, which can't be shown here. "
        "Starter files lie in a session's /workspace: look at it there with `bash`."
    )
