"""A whole session, as a server tells of it in its log and in traces: who, what and when, and no secret of anybody's."""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlgym_mcp.log import fingerprint
from mlgym_mcp.web import address
from mlgym_mcp.web.serving import serving
from tests.processes import http_server
from tests.test_survival import SEXES
from tests.tools.stage import facts_of, start, told
from tests.web.stage import TOKEN, Site

TRACE = "0af7651916cd43dd8448eb211c80319c"
NAMED = {"X-Request-Id": "mine-7", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
FORMS = ["lines", "json"]
SEMANTIC_KEY = "a-key-of-somebody-else"


@dataclass
class Collector:
    """Receives spans by OTLP over HTTP."""

    url: str
    services: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        export = ExportTraceServiceRequest.FromString(await request.body())
        for resource in export.resource_spans:
            attributes = {entry.key: entry.value.string_value for entry in resource.resource.attributes}
            self.services.add(attributes["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return Response(b"", media_type="application/x-protobuf")

    def named(self, name: str) -> Span:
        return next(span for span in self.spans if span.name == name)

    def beneath(self, span: Span) -> set[str]:
        """The names of the spans directly beneath one."""
        return {other.name for other in self.spans if other.parent_span_id == span.span_id}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    with address.listen("127.0.0.1", 0) as listener:
        collector = Collector(address.url(listener))
        app = Starlette(routes=[Route("/v1/traces", collector.receive, methods=["POST"])])
        async with serving(app, listener):
            yield collector


@dataclass
class Heard:
    """What a server said of one session."""

    form: str
    session: str
    collector: Collector
    secrets: list[str]
    said: str

    def lines(self, **wanted: str) -> list[dict[str, Any]]:
        """The lines of the log that say this, where each is an object."""
        found = [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]
        return [line for line in found if wanted.items() <= line.items()]


async def heard(folder: Path, cache_dir: Path, form: str) -> Heard:
    """Work at a session from its beginning to its end, at a server that says as much as it can."""
    said: list[bytes] = []

    async def listen(process: Process) -> None:
        assert process.stderr is not None
        said.extend([chunk async for chunk in process.stderr])

    async with collecting() as collector, anyio.create_task_group() as listening:
        telling = {"log_level": "debug", "log_format": form, "token": TOKEN, "semantic_scholar_key": SEMANTIC_KEY}
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        async with http_server(folder, cache_dir, pool=1, env=traced, **telling) as (url, process):
            listening.start_soon(listen, process)
            async with Site(url, {"Authorization": f"Bearer {TOKEN}", **NAMED}).client() as client:
                session = await start(client, task=SEXES, wait_s=50)
                await told(client, "bash", session=session, command="true")
                assert facts_of(await client.call_tool("submit", {"session": session}))["outcome"] == "scored"
            process.terminate()
            await process.wait()
    secrets = [session, TOKEN, SEMANTIC_KEY, *secrets_in(folder / "data")]
    return Heard(form, session, collector, secrets, b"".join(said).decode())


def secrets_in(data: Path) -> Iterator[str]:
    """Those of the data folder, as they might be written: its own, and what sandboxes know their server by."""
    secret = (data / "secret").read_bytes()
    yield from (secret.hex(), base64.b64encode(secret).decode().rstrip("="), repr(secret)[2:-1])
    with sqlite3.connect(data / "mlgym.sqlite") as store:
        yield from (row[0] for row in store.execute("SELECT token FROM sessions"))
    store.close()


@pytest.mark.parametrize("form", FORMS)
async def test_a_session_is_told_in_log_and_traces_without_a_secret(tmp_path: Path, cache_dir: Path, form: str) -> None:
    tale = await heard(tmp_path, cache_dir, form)
    assert "session_opened" in tale.said and fingerprint(tale.session) in tale.said
    traces = "".join(map(str, tale.collector.spans))
    assert [secret for secret in tale.secrets if secret in tale.said or secret in traces] == []
    if form == "json":
        lines_name_request_and_session(tale)
        spans_lie_beneath_the_callers_trace(tale.collector)


def lines_name_request_and_session(tale: Heard) -> None:
    own = fingerprint(tale.session)
    known = {"request": "mine-7", "principal": "bearer", "trace": TRACE}
    (bash,) = tale.lines(event="call_over", tool="bash")
    assert bash["outcome"] == "ok" and {**known, "session": own}.items() <= bash.items()
    (opened,) = tale.lines(event="session_opened")
    assert opened["session"] == own
    (server,) = tale.lines(event="sessions_opened")
    assert server["backend"] == "bubblewrap" and "request" not in server


def spans_lie_beneath_the_callers_trace(collector: Collector) -> None:
    assert collector.services == {"mlgym-mcp"}
    session, scoring = collector.named("session start"), collector.named("scoring")
    assert session.trace_id.hex() == scoring.trace_id.hex() == TRACE
    stages = {f"session {stage}" for stage in ("preparation", "gpus", "place", "sandbox", "furnishing")}
    assert collector.beneath(session) >= stages
    assert collector.beneath(collector.named("session sandbox")) == {"sandbox start"}
    assert collector.beneath(scoring) == {"judge"}
    assert collector.beneath(collector.named("judge")) >= {"sandbox start", "contestant"}
    assert "command" in collector.beneath(collector.named("tools/call bash"))
