"""What every call has in common beside its work: it is counted, timed, waited for at the end, and named in the log."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

import anyio
import structlog
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import CallToolResult
from structlog.contextvars import bound_contextvars, get_contextvars

from mlgym_mcp import tracing
from mlgym_mcp.log import fingerprint
from mlgym_mcp.meter import CallOutcome, Meter
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.tools.caller import current_caller
from mlgym_mcp.tools.reply import noting_faults

log = structlog.get_logger(__name__)
_level = logging.getLogger(__name__)

CALL = "tools/call"
ENDLESS = frozenset({"subscriptions/listen"})
"""Requests that last as long as their client likes."""
UNKNOWN = "unknown"
"""What a tool is called in figures that there is not."""


class Observing:
    """The SDK's middleware for all requests of one server."""

    def __init__(self, meter: Meter, drain: Drain, tools: frozenset[str]) -> None:
        self._meter = meter
        self._drain = drain
        self._tools = tools

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Serve one message."""
        if ctx.request_id is None or ctx.method in ENDLESS:
            return await call_next(ctx)
        with self._drain.waits():
            if ctx.method != CALL:
                with bound_contextvars(**_about(ctx)):
                    return await call_next(ctx)
            name = str((ctx.params or {}).get("name"))
            tool = name if name in self._tools else UNKNOWN
            with bound_contextvars(**_about(ctx), tool=tool):
                return await self._called(tool, ctx, call_next)

    async def _called(self, tool: str, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        began = anyio.current_time()
        outcome: CallOutcome = "cancelled"
        try:
            with noting_faults() as faults:
                result = await call_next(context)
            outcome = "failed" if faults else _outcome(result)
        except Exception:
            outcome = "refused"
            raise
        finally:
            seconds = anyio.current_time() - began
            self._meter.tool_called(tool, outcome, seconds)
            if _level.isEnabledFor(logging.DEBUG):  # to find out by structlog would take as long as all the rest
                log.debug("call_over", outcome=outcome, seconds=round(seconds, 4))
        return result


def _about(context: ServerRequestContext[Any, Any]) -> dict[str, str]:
    """What each line of the request's log says."""
    caller = current_caller()
    about = {"request": get_contextvars().get("request") or new_id(), "principal": caller.principal}
    if (session := _named(context) or caller.session) is not None:
        about["session"] = session
    if (trace := tracing.trace_id()) is not None:
        about["trace"] = trace
        if session is not None:
            tracing.describe(session=fingerprint(session))
    return about


def _named(context: ServerRequestContext[Any, Any]) -> str | None:
    arguments = (context.params or {}).get("arguments")
    session = arguments.get("session") if isinstance(arguments, Mapping) else None
    return session if isinstance(session, str) else None


def _outcome(result: HandlerResult) -> CallOutcome:
    match result:
        case CallToolResult(is_error=True) | {"isError": True}:
            return "refused"
        case _:
            return "ok"


def new_id() -> str:
    """A name for a request whose caller gave none."""
    return secrets.token_hex(6)
