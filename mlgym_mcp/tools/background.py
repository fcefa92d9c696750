"""Work in the background: what a client follows that did not wait for its call, and where that comes from."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from mcp.server.context import HandlerResult
from mcp.types import CallToolRequestParams, CallToolResult
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Status = Literal["working", "input_required", "completed", "cancelled", "failed"]
Call = Callable[[], Awaitable[HandlerResult]]


class BackgroundTask(BaseModel):
    """A task as the protocol's extension shows it. Lengths of time in milliseconds."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    task_id: str
    status: Status
    status_message: str
    created_at: str
    last_updated_at: str
    ttl_ms: int
    """From its creation; it is not forgotten earlier."""
    poll_interval_ms: int
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None

    def detailed(self) -> dict[str, Any]:
        """All that is known of it."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def created(self) -> dict[str, Any]:
        """What a call is answered with that becomes this task."""
        outcome = {"result", "error", "input_requests"}
        return {"resultType": "task", **self.model_dump(by_alias=True, exclude=outcome)}


class Source(Protocol):
    """Where some tools' calls go on in the background."""

    tools: frozenset[str]
    """Whose."""

    async def call(self, params: CallToolRequestParams, call: Call) -> HandlerResult | BackgroundTask:
        """Make a call: its answer, or the task that it becomes, which is there to be looked up already."""

    async def look(self, task_id: str) -> BackgroundTask | None:
        """How a task stands; None if it is none of this source's.

        Raises:
            MLGymError: it can't be told, or not to this caller.
        """

    async def cancel(self, task_id: str) -> bool:
        """Have a task end, if it can; whether it is one of this source's."""

    async def update(self, task_id: str, responses: Mapping[str, Any]) -> bool:
        """Answer what a task asked; whether it is one of this source's."""


def result_of(answer: CallToolResult) -> dict[str, Any]:
    """A tool's answer as a task carries it."""
    return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


def stamp(at: float) -> str:
    """Seconds since the epoch, as the protocol writes a time."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
