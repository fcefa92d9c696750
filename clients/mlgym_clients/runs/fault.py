"""Faults that are nobody's who is measured: the attempt is made again."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx2
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT

from mlgym_clients.agents.agent import Unreachable

LOST_CONNECTION = (httpx2.TransportError, anyio.BrokenResourceError, anyio.ClosedResourceError, Unreachable)

TOKEN = "if it asks for a token, that is to be in MLGYM_MCP_SERVER_TOKEN"


class Fault(Exception):
    """Raised when an attempt came to nothing through the server, the network or this machine."""


class ServerLost(Fault):
    """Raised when the server can't be reached."""


class Lasting(Fault):
    """Raised when the server will not have an attempt until somebody changes something: to ask again is of no use."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, or all that a group of them holds."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from causes(inner)
    else:
        yield error


@contextmanager
def ungrouped() -> Iterator[None]:
    """What a task group has wrapped is raised as itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise next(causes(group)) from group


def is_unreachable(error: BaseException) -> bool:
    """Whether an exception says that the server could not be reached."""
    return any(isinstance(one, LOST_CONNECTION) or _closed(one) for one in causes(error))


@contextmanager
def faults() -> Iterator[None]:
    """What goes wrong on the way to the server, or there, becomes a fault."""
    try:
        yield
    except Exception as error:
        told = next((one for one in causes(error) if isinstance(one, (*LOST_CONNECTION, MCPError))), None)
        if told is None:
            raise
        if isinstance(told, Unreachable):
            raise Fault(str(told)) from error
        if isinstance(told, MCPError) and not _closed(told):
            raise Fault(f"the server refused a request: {told}; {TOKEN}") from error
        said = str(told) or type(told).__name__
        raise ServerLost(
            f"the server can't be reached: {said}; look whether it runs: mlgym-mcp serve --http"
        ) from error


def _closed(error: BaseException) -> bool:
    return isinstance(error, MCPError) and error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT)
