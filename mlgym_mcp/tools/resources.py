"""The resources: the catalogue for everybody, a session for whoever holds its handle."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    Resource,
    ResourceTemplate,
)
from pydantic import ValidationError

from mlgym_mcp.errors import CallerError, SetupError, UnknownTask
from mlgym_mcp.excerpt import excerpt
from mlgym_mcp.sessions.export import event_document
from mlgym_mcp.store import Event
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools import arguments as given
from mlgym_mcp.tools.answers import TaskEntry, TaskList, TaskRecord, TaskRecords
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.evaluation import add_baselines, baselines_of, evaluates
from mlgym_mcp.tools.files import binary_type, content_of, files_of
from mlgym_mcp.tools.incoming import Request
from mlgym_mcp.tools.leaderboards import TEMPLATE, add_leaderboards, leaderboard_of
from mlgym_mcp.tools.lines import serve_lines
from mlgym_mcp.tools.render import task_text
from mlgym_mcp.tools.reply import readable, refused
from mlgym_mcp.tools.session_answer import SessionAnswer
from mlgym_mcp.tools.tasks_extension import TasksExtension
from mlgym_mcp.tools.updates import Updates

MARKDOWN = "text/markdown"
JSON = "application/json"
JSON_LINES = "application/jsonl"
MOST_TRAJECTORY = 8 * 1024 * 1024
"""Characters of events that one reading shows."""
APPS = "ui://"
"""What clients show rather than read: tools name it."""
EXPORT = "the operator has it: mlgym-mcp sessions export"


class TaskServer(MCPServer[Any]):
    """An MCP server that lists what its tasks give to read, taken from the catalogue only when a client asks.

    And that tells, where the SDK's own does not, what a client asked for that there is not.
    """

    desk: Desk
    updates: Updates
    tasks: TasksExtension

    async def run_stdio_async(self) -> None:
        """Serve on stdin and stdout, where every request is answered."""
        await serve_lines(self._lowlevel_server)

    async def list_resources(self) -> list[Resource]:
        """The static resources, each task with its brief, and its leaderboard: some clients never ask for templates."""
        tasks = await _offered(self.desk)
        boards = [] if self.desk.one_session else [leaderboard_of(task) for task in tasks]
        static = [one for one in await super().list_resources() if not str(one.uri).startswith(APPS)]
        return [*static, *map(_listed, tasks), *boards]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The templates; without that of the leaderboards where none are shown."""
        listed = await super().list_resource_templates()
        return [template for template in listed if template.uri_template != TEMPLATE or not self.desk.one_session]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Request | None = None
    ) -> CallToolResult | InputRequiredResult:
        """A tool's answer; what is wrong with a call is told as what to mend."""
        try:
            given.require_characters(name, arguments)
            return await super().call_tool(name, arguments, context)
        except CallerError as error:
            return refused(error)
        except ToolError as error:
            return refused(await self._wrong_with(name, arguments, error))

    async def _wrong_with(self, name: str, arguments: dict[str, Any], error: ToolError) -> Exception:
        schemas = {tool.name: tool.input_schema for tool in await self.list_tools()}
        if name not in schemas:
            return CallerError(f"Unknown tool {excerpt(name)}; there are: {', '.join(schemas)}.")
        if isinstance(error.__cause__, ValidationError) and not isinstance(error, UnexpectedToolError):
            return CallerError(given.explained(name, error.__cause__, schemas[name]["properties"], arguments))
        return error

    async def read_resource(
        self, uri: Any, context: Request | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """A resource, with the type that it turns out to have."""
        try:
            found = await super().read_resource(uri, context)
        except ResourceNotFoundError as error:
            if isinstance(error.__cause__, CallerError):  # whose text says more
                raise
            raise ResourceNotFoundError(
                f"There is no resource {excerpt(str(uri))}; `resources/list` and `resources/templates/list`, or the "
                "description of the tool `read`, say what there is."
            ) from None
        return found if isinstance(found, InputRequiredResult) else map(_typed, found)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Request | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """A prompt; what is wrong with the request is told, which the SDK calls an internal error."""
        offered = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in offered:
            raise MCPError(INVALID_PARAMS, f"There is no prompt {excerpt(name)}; there are: {', '.join(offered)}.")
        known = {argument.name: argument.required for argument in offered[name].arguments or ()}
        if absent := [needs for needs, required in known.items() if required and needs not in (arguments or {})]:
            raise MCPError(INVALID_PARAMS, f"The prompt {name!r} needs {', '.join(absent)}.")
        if unknown := [more for more in arguments or {} if more not in known]:
            told = f"has no argument {excerpt(unknown[0])}; it has: {', '.join(known)}."
            raise MCPError(INVALID_PARAMS, f"The prompt {name!r} {told}")
        return await super().get_prompt(name, arguments, context)


def add_resources(server: TaskServer, desk: Desk) -> None:
    """Give a server its resources."""
    _add_tasks(server, desk)
    add_baselines(server, desk)
    _add_sessions(server, desk)
    add_leaderboards(server, desk)


def _add_tasks(server: TaskServer, desk: Desk) -> None:
    @server.resource("mlgym://tasks", title="All tasks", mime_type=JSON)
    @readable
    @desk.guard.guarded("read")
    async def tasks() -> str:
        """The catalogue: what each task measures, its baseline's score and the best known one."""
        offered, passed_over = await desk.tasks(), desk.passed_over()
        if evaluates(desk):
            return TaskRecords(tasks=list(map(TaskRecord.of, offered)), passed_over=passed_over).model_dump_json()
        return TaskList(tasks=list(map(TaskEntry.of, offered)), passed_over=passed_over).model_dump_json(indent=2)

    @server.resource("mlgym://tasks/{id}", title="A task", mime_type=MARKDOWN)
    @readable
    @desk.guard.guarded("read")
    async def task(id: str) -> str:  # noqa: A002 - the template's word
        """A task and its brief."""
        found = await desk.task(id)
        places = [f"mlgym://tasks/{id}/files/{path}" for path in files_of(found)]
        places += baselines_of(found) if evaluates(desk) else []
        files = "\n".join(f"- {place}" for place in places)
        return f"{task_text(found)}\n\n{found.brief}\n\nFiles:\n{files}\n"

    @server.resource("mlgym://tasks/{id}/files/{+path}", title="A file of a task", mime_type="text/plain")
    @readable
    @desk.guard.guarded("read")
    async def file(id: str, path: str) -> str | bytes:  # noqa: A002 - the template's word
        """The brief, a starter file or the sample submission."""
        found = files_of(await desk.task(id))
        if path not in found:
            raise UnknownTask(f"The task {id} shows no file {path!r}; it shows: {', '.join(found)}.")
        return content_of(found[path])


def _add_sessions(server: TaskServer, desk: Desk) -> None:
    @server.resource("mlgym://sessions/{session}", title="A session", mime_type=JSON)
    @readable
    @desk.guard.guarded("attempt")
    async def state(session: str) -> str:
        """How a session stands; needs its handle."""
        found = await desk.handles.session(session, AT_ONCE)
        return SessionAnswer.of(await found.status(call=AT_ONCE)).model_dump_json(indent=2)

    @server.resource("mlgym://sessions/{session}/trajectory", title="A session's trajectory", mime_type=JSON_LINES)
    @readable
    @desk.guard.guarded("attempt")
    async def trajectory(session: str) -> str:
        """All that was done in a session, one event a line; needs its handle."""
        found = await desk.handles.session(session, AT_ONCE)
        events, number = found.trajectory(MOST_TRAJECTORY)
        lines = [_line(event) for event in events]
        if number > len(events):
            lines.append(json.dumps({"left_out": number - len(events), "all_of_it": EXPORT}) + "\n")
        return "".join(lines)


async def _offered(desk: Desk) -> tuple[TaskSpec, ...]:
    """The tasks to list: none where the session that the caller's address names can't be had; lists have no errors."""
    try:
        return await desk.tasks()
    except (CallerError, SetupError):
        return ()


def _listed(task: TaskSpec) -> Resource:
    return Resource(uri=f"mlgym://tasks/{task.id}", name=task.id, title=task.title, mime_type=MARKDOWN)


def _typed(part: ReadResourceContents) -> ReadResourceContents:
    """A template has one type for all that it reads."""
    return replace(part, mime_type=binary_type(part.content)) if isinstance(part.content, bytes) else part


def _line(event: Event) -> str:
    return json.dumps(event_document(event), ensure_ascii=False) + "\n"
