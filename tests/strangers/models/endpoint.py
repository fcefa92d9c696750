"""Where a scripted model is reached: a provider's API on loopback, and what came in there."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mlgym_mcp.web import address
from mlgym_mcp.web.serving import serving
from tests.strangers.models.script import ASIDE, Request, Script, Turn

Event: TypeAlias = tuple[str, dict[str, Any]]
"""Its name, empty where events of an API have none, and its data."""


@dataclass(frozen=True)
class Wire:
    """How a provider's API writes what a model is asked and says."""

    path: str
    read: Callable[[dict[str, Any]], Request]
    answer: Callable[[Turn], dict[str, Any]]
    events: Callable[[Turn], Iterator[Event]]


@dataclass
class Model:
    """A model that plays a script, and remembers what it was asked."""

    url: str
    wire: Wire
    script: Script
    failures: list[Response] = field(default_factory=list)
    """What the next requests are answered with, instead of what the script says."""
    requests: list[Request] = field(default_factory=list)

    @property
    def asked(self) -> list[Request]:
        """The requests of the conversation itself."""
        return [request for request in self.requests if self.script.answer(request) is not ASIDE]

    async def respond(self, http: HttpRequest) -> Response:
        """Answer one request."""
        if self.failures:
            return self.failures.pop(0)
        body = json.loads(await http.body())
        request = self.wire.read(body)
        self.requests.append(request)
        turn = self.script.answer(request)
        if not (body.get("stream") or ":stream" in http.url.path):
            return JSONResponse(self.wire.answer(turn))
        lines = [_event(name, data) for name, data in self.wire.events(turn)]
        return Response("".join(lines), media_type="text/event-stream")


@asynccontextmanager
async def scripted(wire: Wire, script: Script) -> AsyncIterator[Model]:
    """A model's API on loopback, while the block runs."""
    with address.listen("127.0.0.1", 0) as listener:
        model = Model(address.url(listener), wire, script)
        app = Starlette(routes=[Route(wire.path, model.respond, methods=["POST"])])
        async with serving(app, listener):
            yield model


def _event(name: str, data: dict[str, Any]) -> str:
    if not name:
        return f"data: {json.dumps(data)}\n\n"
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"
