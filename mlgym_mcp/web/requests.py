"""What every HTTP request has in common: a name for the log, a trace that it may belong to, a place in figures."""

import re
from contextlib import ExitStack

from opentelemetry import context, propagate
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from mlgym_mcp.meter import Meter
from mlgym_mcp.tools.observing import new_id

REQUEST_ID = "x-request-id"
SANE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
"""Names of callers' own that the log takes."""
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
"""Whatever else is asked for counts as one: callers could make up any."""


class Requests:
    """Names and counts the requests of an app."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        name = headers.get(REQUEST_ID, "")
        name = name if SANE.fullmatch(name) else new_id()
        method = scope["method"] if scope["method"] in METHODS else "other"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._meter.request_answered(method, message["status"])
                MutableHeaders(scope=message)[REQUEST_ID] = name
            await send(message)

        with ExitStack() as stack:
            stack.enter_context(bound_contextvars(request=name))
            if "traceparent" in headers:  # the SDK looks for one in `_meta` alone
                token = context.attach(propagate.extract(headers))
                stack.callback(context.detach, token)
            await self._app(scope, receive, answer)
