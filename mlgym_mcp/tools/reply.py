"""The one place where results and errors become what a client receives."""

import functools
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import structlog
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ContentBlock, TextContent
from pydantic import BaseModel

from mlgym_mcp.errors import CallerError, SetupError, UnknownSession, UnknownTask
from mlgym_mcp.inert import inert
from mlgym_mcp.sessions.budget import BudgetLeft

log = structlog.get_logger()

Arguments = ParamSpec("Arguments")
Content = TypeVar("Content", str, str | bytes)

_faults: ContextVar[list[str] | None] = ContextVar("faults", default=None)


@contextmanager
def noting_faults() -> Iterator[list[str]]:
    """The references of the faults of ours that calls are answered with while the block runs."""
    noted: list[str] = []
    token = _faults.set(noted)
    try:
        yield noted
    finally:
        _faults.reset(token)


def answered(tool: Callable[Arguments, Awaitable[CallToolResult]]) -> Callable[Arguments, Awaitable[CallToolResult]]:
    """A tool whose errors are answers too: marked as errors, with a text that says what to do next."""

    @functools.wraps(tool)
    async def answer(*args: Arguments.args, **kwargs: Arguments.kwargs) -> CallToolResult:
        try:
            return await tool(*args, **kwargs)
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing else decides what a model reads of an error
            return refused(error)

    return answer


def refused(error: Exception) -> CallToolResult:
    """The answer to a call that failed."""
    return CallToolResult(content=[_text(told(error))], is_error=True)


def readable(read: Callable[Arguments, Awaitable[Content]]) -> Callable[Arguments, Awaitable[Content]]:
    """A resource whose errors are told as a tool's are, in the protocol's own way."""

    @functools.wraps(read)
    async def answer(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Content:
        try:
            return await read(*args, **kwargs)
        except (UnknownTask, UnknownSession) as error:
            raise ResourceNotFoundError(str(error)) from error
        except Exception as error:
            raise ResourceError(told(error)) from error

    return answer


def told(error: Exception) -> str:
    """What a caller may read of an error; the rest is logged under the reference that the caller is given."""
    if isinstance(error, CallerError | SetupError | ResourceError):
        return str(error)
    reference = secrets.token_hex(4)
    log.error("call_failed", reference=reference, exc_info=error)
    if (noted := _faults.get()) is not None:
        noted.append(reference)
    return (
        f"The server failed at this, through no fault of yours (reference {reference}). "
        "It is safe to call again; if it stays so, tell the operator the reference."
    )


def text(*parts: str) -> CallToolResult:
    """A result of text alone, for tools whose answers are read."""
    return mixed([_text(_joined(parts))])


def mixed(content: Sequence[ContentBlock]) -> CallToolResult:
    """A result of any content."""
    return CallToolResult(content=list(content))


def structured(answer: BaseModel, *parts: str) -> CallToolResult:
    """A result that says all of it twice: some clients show a model only the text, others only the structure."""
    return CallToolResult(content=[_text(_joined(parts))], structured_content=answer.model_dump(mode="json"))


def closing(status: str, seconds: float, budget: BudgetLeft) -> str:
    """The last line of a reply: how it went, how long it took, what is left of the budget."""
    return f"[{status} · {seconds:.1f} s · {budget.line()}]"


def _joined(parts: Sequence[str]) -> str:
    return "\n".join(part.rstrip("\n") for part in parts if part)


def _text(content: str) -> TextContent:
    return TextContent(type="text", text=inert(content))
