"""The resources: the catalogue for everybody, a session for whoever holds its handle."""

import json
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, Resource
from mcp.types import ResourceTemplateReference as TemplateReference

from mlgym_mcp.errors import UnknownSession, UnknownTask
from mlgym_mcp.store import Event
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.answers import SessionAnswer, TaskEntry, TaskList
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.render import task_text
from mlgym_mcp.tools.reply import readable

MARKDOWN = "text/markdown"
JSON = "application/json"
JSON_LINES = "application/jsonl"
MAX_COMPLETIONS = 100


class TaskServer(MCPServer[Any]):
    """An MCP server that lists each task as a resource, read from the catalogue only when a client asks."""

    desk: Desk

    async def list_resources(self) -> list[Resource]:
        """The static resources, and each task with its brief: some clients never ask for templates."""
        listed = await super().list_resources()
        for task in await _offered(self.desk):
            uri = f"mlgym://tasks/{task.id}"
            listed.append(Resource(uri=uri, name=task.id, title=task.title, mime_type=MARKDOWN))
        return listed


def add_resources(server: TaskServer, desk: Desk) -> None:
    """Give a server its resources and their completion."""
    _add_tasks(server, desk)
    _add_sessions(server, desk)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(
        reference: PromptReference | TemplateReference, argument: CompletionArgument, context: CompletionContext | None
    ) -> Completion | None:
        if argument.name not in ("task", "id"):
            return None
        ids = [task.id for task in await _offered(desk) if task.id.startswith(argument.value)]
        return Completion(values=ids[:MAX_COMPLETIONS], total=len(ids), has_more=len(ids) > MAX_COMPLETIONS)


def _add_tasks(server: TaskServer, desk: Desk) -> None:
    @server.resource("mlgym://tasks", title="All tasks", mime_type=JSON)
    @readable
    async def tasks() -> str:
        """The catalogue: what each task measures, its baseline's score and the best known one."""
        listed = TaskList(tasks=[TaskEntry.of(task) for task in await desk.tasks()], passed_over=desk.passed_over())
        return listed.model_dump_json(indent=2)

    @server.resource("mlgym://tasks/{id}", title="A task", mime_type=MARKDOWN)
    @readable
    async def task(id: str) -> str:  # noqa: A002 - the template's word
        """A task and its brief."""
        found = await desk.task(id)
        files = "\n".join(f"- mlgym://tasks/{id}/files/{path}" for path in _files(found))
        return f"{task_text(found)}\n\n{found.brief}\n\nFiles:\n{files}\n"

    @server.resource("mlgym://tasks/{id}/files/{+path}", title="A file of a task", mime_type="text/plain")
    @readable
    async def file(id: str, path: str) -> str | bytes:  # noqa: A002 - the template's word
        """The brief, a starter file or the sample submission."""
        found = _files(await desk.task(id))
        if path not in found:
            raise UnknownTask(f"The task {id} shows no file {path!r}; it shows: {', '.join(found)}.")
        content = found[path].read_bytes()
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content


def _add_sessions(server: TaskServer, desk: Desk) -> None:
    @server.resource("mlgym://sessions/{session}", title="A session", mime_type=JSON)
    @readable
    async def state(session: str) -> str:
        """How a session stands; needs its handle."""
        found = await desk.handles.session(session, AT_ONCE)
        return SessionAnswer.of(await found.status(call=AT_ONCE)).model_dump_json(indent=2)

    @server.resource("mlgym://sessions/{session}/trajectory", title="A session's trajectory", mime_type=JSON_LINES)
    @readable
    async def trajectory(session: str) -> str:
        """All that was done in a session, one event a line; needs its handle."""
        found = await desk.handles.session(session, AT_ONCE)
        return "".join(_line(event) for event in found.trajectory())


async def _offered(desk: Desk) -> tuple[TaskSpec, ...]:
    """The tasks to list: none where the caller's address names no session, since lists have no errors."""
    try:
        return await desk.tasks()
    except UnknownSession:
        return ()


def _files(task: TaskSpec) -> dict[str, Path]:
    """What a task shows to everybody: its brief, its starter files, its sample submission."""
    starter = {f"starter/{place}": path for place, path in task.starter_files().items()}
    samples = {path.name: path for path in sorted(task.folder.glob("sample_submission*")) if path.is_file()}
    return {"brief.md": task.folder / "brief.md", **starter, **samples}


def _line(event: Event) -> str:
    """One event as a line of JSON; the session's handle stays out of it."""
    told = {
        "kind": event.kind,
        "at": event.at,
        "seconds": event.seconds,
        "request": json.loads(event.request),
        "reply": None if event.reply is None else json.loads(event.reply),
        "error": event.error,
    }
    return json.dumps(told, ensure_ascii=False) + "\n"
