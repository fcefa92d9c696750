"""What the conformance suite expects of a server with the Tasks extension: tools of these exact names."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp.server.context import HandlerResult
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    InputRequest,
    InputRequiredResult,
    TextContent,
)

from mlgym_mcp.tools.background import BackgroundTask, Call, Status, result_of
from mlgym_mcp.tools.resources import TaskServer
from tests.strangers.questions import Request, answer, form, lacking, said

NEEDED: dict[str, Any] = {"requiredCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}}
AT = "2026-11-26T12:00:00Z"

Work = Callable[["Job"], Awaitable[CallToolResult]]


@dataclass
class Job:
    """One call in the background."""

    arguments: Mapping[str, Any]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    result: CallToolResult | None = None
    error: MCPError | None = None
    asked: dict[str, InputRequest] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    answered: anyio.Event = field(default_factory=anyio.Event)

    @property
    def status(self) -> Status:
        if self.scope.cancel_called:
            return "cancelled"
        if self.result is not None or self.error is not None:
            return "failed" if self.error else "completed"
        return "input_required" if self.asked else "working"

    async def ask(self, questions: dict[str, InputRequest]) -> None:
        """Wait until all are answered."""
        self.asked = dict(questions)
        while self.asked:
            self.answered = anyio.Event()
            await self.answered.wait()

    async def run(self, work: Work) -> None:
        with self.scope:
            try:
                self.result = await work(self)
            except MCPError as error:
                self.error = error


class Jobs:
    """A source of tasks for the extension, in memory."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._jobs: dict[str, Job] = {}
        self._works: dict[str, Work] = {
            "slow_compute": _slow_compute,
            "failing_job": _failing_job,
            "protocol_error_job": _protocol_error_job,
            "confirm_delete": partial(_asking, questions={"confirm": form("Sure?", "confirm", "boolean")}),
            "multi_input": partial(_asking, questions={"one": form("One?", "name"), "two": form("Two?", "name")}),
        }
        self.tools = frozenset({*self._works, "test_tool_with_task"})

    async def call(self, params: CallToolRequestParams, call: Call) -> HandlerResult | BackgroundTask:
        work = self._works.get(params.name)
        if work is None:
            first = await call()
            if not isinstance(first, CallToolResult):
                return first

            async def work(_: Job) -> CallToolResult:
                return first

        name, job = secrets.token_hex(16), Job(params.arguments or {})
        self._jobs[name] = job
        self._tasks.start_soon(job.run, work)
        return self._shown(name, job)

    async def look(self, task_id: str) -> BackgroundTask | None:
        job = self._jobs.get(task_id)
        return None if job is None else self._shown(task_id, job)

    async def cancel(self, task_id: str) -> bool:
        if (job := self._jobs.get(task_id)) is not None and job.status in ("working", "input_required"):
            job.scope.cancel()
        return job is not None

    async def update(self, task_id: str, responses: Mapping[str, Any]) -> bool:
        if (job := self._jobs.get(task_id)) is None:
            return False
        for name in responses.keys() & job.asked.keys():
            del job.asked[name]
        job.answered.set()
        return True

    def _shown(self, name: str, job: Job) -> BackgroundTask:
        asked = {key: one.model_dump(by_alias=True, mode="json", exclude_none=True) for key, one in job.asked.items()}
        return BackgroundTask(
            task_id=name,
            status=job.status,
            status_message=job.status,
            created_at=AT,
            last_updated_at=AT,
            ttl_ms=600_000,
            poll_interval_ms=100,
            result=None if job.result is None else result_of(job.result),
            error=None if job.error is None else {"code": job.error.code, "message": job.error.message},
            input_requests=asked or None,
        )


@asynccontextmanager
async def adding_jobs(server: TaskServer) -> AsyncIterator[None]:
    """Give a server what the scenarios of tasks use, while the block runs."""
    _add_tools(server)
    async with anyio.create_task_group() as tasks:
        server.tasks.sources.append(Jobs(tasks))
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()


def _add_tools(server: TaskServer) -> None:
    @server.tool(structured_output=False)
    async def greet(name: str) -> CallToolResult:
        """Greets at once."""
        return said(f"Hello, {name}!")

    @server.tool(structured_output=False)
    async def slow_compute(seconds: float, label: str = "") -> CallToolResult:
        """Takes its time."""
        return await _slow_compute(Job({"seconds": seconds, "label": label}))

    async def only_as_a_task() -> CallToolResult:
        """Is never done while its caller waits."""
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs a client that knows tasks.", NEEDED)

    for name in ("failing_job", "protocol_error_job", "multi_input"):
        server.add_tool(only_as_a_task, name=name, structured_output=False)

    @server.tool(structured_output=False)
    async def confirm_delete(filename: str) -> CallToolResult:
        """Asks first."""
        return await only_as_a_task()

    @server.tool(structured_output=False)
    async def test_tool_with_task(context: Request) -> CallToolResult | InputRequiredResult:
        """Asks for a name, and greets in the background."""
        asking = lacking(context, {"user_name": form("Name?", "name")})
        return asking or said(f"Hello, {answer(context, 'user_name')}!")


async def _slow_compute(job: Job) -> CallToolResult:
    await anyio.sleep(job.arguments["seconds"])
    return said(f"computed {job.arguments.get('label')}")


async def _failing_job(job: Job) -> CallToolResult:
    return CallToolResult(content=[TextContent(text="It failed.")], is_error=True)


async def _protocol_error_job(job: Job) -> CallToolResult:
    raise MCPError(INTERNAL_ERROR, "It failed as no tool should.")


async def _asking(job: Job, questions: dict[str, InputRequest]) -> CallToolResult:
    await job.ask(questions)
    return said("thank you")
