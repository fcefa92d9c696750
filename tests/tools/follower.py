"""A client that knows the protocol's tasks, as its SDK lets one be written: it follows them, or is handed them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import anyio.lowlevel
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from mlgym_mcp.server import open_server
from mlgym_mcp.tools.tasks_extension import TasksExtension
from tests.fakes import World
from tests.tools.stage import services_of, settings_of

TASKS = TasksExtension.identifier


class Task(Result):
    """A task, as far as it is told."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    task_id: str
    status: str
    status_message: str
    created_at: str
    last_updated_at: str
    ttl_ms: int
    poll_interval_ms: int
    result: dict[str, Any] | None = None

    @property
    def answer(self) -> CallToolResult:
        assert self.result is not None, self
        return CallToolResult.model_validate(self.result)


class Told(Result):
    """Any answer."""

    model_config = ConfigDict(extra="allow")


class Created(Task):
    result_type: Literal["task"] = "task"


class TaskParams(RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


class TaskRequest(Request[TaskParams, str]):
    name_param = "taskId"


class Follower(ClientExtension):
    """Looks tasks up until they are over."""

    identifier = TASKS

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Created, resolve=self._resolve)]

    async def _resolve(self, task: Created, context: ClaimContext) -> CallToolResult:
        shown: Task = task
        while shown.status == "working":
            await anyio.lowlevel.checkpoint()
            params = TaskParams(task_id=task.task_id)
            shown = await context.session.send_request(TaskRequest(method="tasks/get", params=params), Task)
        return shown.answer


async def ask(client: Client, task_id: str) -> Task:
    """How a task stands."""
    return Task.model_validate((await tell(client, "tasks/get", task_id)).model_dump(by_alias=True))


async def tell(client: Client, method: str, task_id: str, **more: Any) -> Told:
    """What a request about a task is answered with."""
    request = TaskRequest(method=method, params=TaskParams(task_id=task_id, **more))
    return await client.session.send_request(request, Told)


async def over(client: Client, task_id: str) -> CallToolResult:
    """What a task came to, once it is over."""
    with anyio.fail_after(5):
        while (task := await ask(client, task_id)).status == "working":
            await anyio.lowlevel.checkpoint()
    return task.answer


async def begin(client: Client, tool: str, **arguments: Any) -> Task:
    """A call that becomes a task."""
    task = await client.session.call_tool(tool, arguments, allow_claimed=True)
    assert isinstance(task, Created), task
    assert (await ask(client, task.task_id)).task_id == task.task_id
    return task


async def refusal(client: Client, task_id: str, method: str = "tasks/get") -> int:
    """The code with which a request about a task is refused."""
    more: dict[str, Any] = {"input_responses": {}} if method == "tasks/update" else {}
    try:
        found = await tell(client, method, task_id, **more)
    except MCPError as refused:
        return refused.code
    raise AssertionError(found)


@asynccontextmanager
async def following(world: World, *, task_after: float = 0, **settings: Any) -> AsyncIterator[Client]:
    """A client that knows tasks, in memory, on a server that waits only so long before it makes one of a call."""
    chosen = settings_of(world, task_after=task_after, **settings)
    async with open_server(chosen, services_of(world)) as server, Client(server, extensions=[Follower()]) as client:
        yield client
