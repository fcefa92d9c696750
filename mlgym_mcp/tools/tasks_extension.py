"""The Tasks extension of the protocol: a call that takes long is answered with a task, which its client looks up.

Only clients of the newest revision that declare it are; all others are answered as they always were, by the same code.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    ClientCapabilities,
    EmptyResult,
    RequestParams,
)

from mlgym_mcp.errors import Forbidden, MLGymError
from mlgym_mcp.excerpt import excerpt
from mlgym_mcp.tools.background import BackgroundTask, Source
from mlgym_mcp.tools.reply import told

Incoming: TypeAlias = ServerRequestContext[Any, Any]
Answer = TypeVar("Answer")

REVISIONS = frozenset({"2026-07-28"})


class TaskParams(RequestParams):
    """Which task is meant."""

    task_id: str


class UpdateParams(TaskParams):
    """Answers to what a task asked."""

    input_responses: dict[str, Any]


class TasksExtension(Extension):
    """Calls in the background, from any number of sources."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, *sources: Source) -> None:
        self.sources = list(sources)

    def methods(self) -> Sequence[MethodBinding]:
        """`tasks/get`, `tasks/cancel` and `tasks/update`."""
        return [
            MethodBinding("tasks/get", TaskParams, self._get, REVISIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, REVISIONS),
            MethodBinding("tasks/update", UpdateParams, self._update, REVISIONS),
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Incoming, call_next: CallNext
    ) -> HandlerResult:
        """Make a call, in the background where its client can follow it there."""
        call = partial(call_next, ctx)
        source = next((source for source in self.sources if params.name in source.tools), None)
        if source is None or not self._followed(ctx):
            return await call()
        answer = await source.call(params, call)
        return answer.created() if isinstance(answer, BackgroundTask) else answer

    def _followed(self, context: Incoming) -> bool:
        declared = ClientCapabilities(extensions={self.identifier: {}})
        return context.protocol_version in REVISIONS and context.session.check_client_capability(declared)

    async def _get(self, context: Incoming, params: TaskParams) -> dict[str, Any]:
        return (await self._first(context, params, lambda source: source.look(params.task_id))).detailed()

    async def _cancel(self, context: Incoming, params: TaskParams) -> EmptyResult:
        await self._first(context, params, lambda source: source.cancel(params.task_id))
        return EmptyResult()

    async def _update(self, context: Incoming, params: UpdateParams) -> EmptyResult:
        await self._first(context, params, lambda source: source.update(params.task_id, params.input_responses))
        return EmptyResult()

    async def _first(
        self, context: Incoming, params: TaskParams, ask: Callable[[Source], Awaitable[Answer | None]]
    ) -> Answer:
        """What the source answers whose task it is; None and False are no answers."""
        require_client_extension(context, self.identifier)
        _require_name(context, params.task_id)
        try:
            for source in self.sources:
                if answer := await ask(source):
                    return answer
        except Forbidden as error:
            raise MCPError(INVALID_PARAMS, told(error)) from error
        except MLGymError as error:
            raise MCPError(INTERNAL_ERROR, told(error)) from error
        raise MCPError(
            INVALID_PARAMS, f"There is no task {excerpt(params.task_id)}, or nothing of it is kept any more."
        )


def _require_name(context: Incoming, task_id: str) -> None:
    """Over HTTP the header that requests are routed by names the task; the SDK knows that of its own methods only."""
    headers = getattr(context.request, "headers", {})
    named = headers.get(MCP_NAME_HEADER)
    if named is not None and decode_header_value(named.strip()) != task_id:
        raise MCPError(HEADER_MISMATCH, "The header Mcp-Name must have the value of `taskId`.")
