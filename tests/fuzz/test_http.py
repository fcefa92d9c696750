"""Requests over HTTP as no client makes them: every one is answered, gives nothing away, and the next is served."""

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import World
from tests.fuzz.stage import opened
from tests.fuzz.strategies import LEAKS, json_values, scalars, spoilt, texts, words
from tests.web.stage import MODERN, TOKEN, Site, call, site

LIMIT = 20
"""Seconds in which an answer must have begun."""
BODY, HEADERS = call("status", session="x")
LEGACY = {"Accept": MODERN["Accept"], "Content-Type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}


class Wire:
    """A server over HTTP, and what is sent to it."""

    def __init__(self, served: Site, folder: Path) -> None:
        self.folder = str(folder)
        self.http = httpx2.Client(base_url=served.url, headers=served.headers, timeout=LIMIT, trust_env=False)
        self.place = (urlsplit(served.url).hostname, urlsplit(served.url).port)

    def post(self, body: bytes, headers: dict[str, str], *, path: str = "/mcp") -> str:
        """The answer to a POST, of any headers that HTTP can carry."""
        with self.http.stream("POST", path, content=body, headers=headers) as answer:
            text = answer.read().decode() if "event-stream" not in answer.headers.get("content-type", "") else ""
        self.see(text, answer.status_code)
        return text

    def send(self, raw: bytes) -> bytes:
        """The answer to bytes, after which nothing more is sent."""
        with socket.create_connection(self.place, timeout=LIMIT) as connection:
            answer = b""
            with suppress(OSError):  # it has hung up without reading on
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                while data := connection.recv(65536):
                    answer += data
        self.see(answer.decode("latin-1"), int(answer.split(b" ", 2)[1]) if answer else 400)
        return answer

    def see(self, text: str, status: int) -> None:
        """See that an answer gives nothing away, and that a good request is answered as ever."""
        assert not LEAKS.search(text) and self.folder not in text, text[:1000]
        assert status < 500, text[:1000]
        good = self.http.post("/mcp", content=json.dumps(BODY), headers=HEADERS)
        assert "no session with this handle" in good.text, good.text


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        with opened(site(world, token=TOKEN, max_connections=100_000)) as (_, served):
            made = Wire(served, world.folder)
            yield made
            made.http.close()


def request_of(**changes: Any) -> bytes:
    """A request like a good one but for some of its parts."""
    return json.dumps({**BODY, **changes}).encode()


ENCODED = json.dumps(BODY).encode()
NESTED = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
BODIES = st.one_of(
    st.binary(max_size=60),
    spoilt(ENCODED),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.lists(st.just(BODY), max_size=3).map(lambda batch: json.dumps(batch).encode()),
    st.dictionaries(st.sampled_from(["id", "method", "params", "jsonrpc", "result", "error"]), json_values).map(
        lambda changes: request_of(**changes)
    ),
)
FLAVOURS = st.sampled_from([HEADERS, LEGACY, {**LEGACY, "MCP-Protocol-Version": "2025-06-18", "Mcp-Session-Id": "x"}])


@given(BODIES, FLAVOURS)
@example(b"", LEGACY)
@example(b"\xef\xbb\xbf" + ENCODED, HEADERS)
@example(b"\xef\xbb\xbf" + json.dumps(HELLO).encode(), LEGACY)
@example(ENCODED.decode().encode("utf-16"), HEADERS)
@example(json.dumps(HELLO).encode("utf-16"), LEGACY)
@example(NESTED, HEADERS)
@example(NESTED, LEGACY)
@example(request_of(id=10**400), HEADERS)
@example(json.dumps({**HELLO, "id": 10**400}).encode(), LEGACY)
@example(b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', HEADERS)
@example(b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', LEGACY)
@example(ENCODED.replace(b'"id": 1', b'"id": 1, "id": 2, "id": NaN'), HEADERS)
@example(request_of(id=None), HEADERS)
@example(request_of(id="\ud800"), HEADERS)
@example(json.dumps({**HELLO, "id": "\ud800"}).encode(), LEGACY)
@example(json.dumps({**HELLO, "params": {}}).encode(), LEGACY)
@example(json.dumps({**HELLO, "params": {**HELLO["params"], "protocolVersion": "\ud800"}}).encode(), LEGACY)  # type: ignore[dict-item]
@example(json.dumps([HELLO, HELLO]).encode(), LEGACY)
@example(b"x" * (5 * 1024 * 1024), HEADERS)
def test_a_body_of_any_bytes_is_answered(wire: Wire, body: bytes, headers: dict[str, str]) -> None:
    wire.post(body, headers)


ARGUMENTS = st.dictionaries(st.sampled_from(["session", "command", "wait_s", "task"]), scalars, max_size=3)


@given(st.sampled_from(["bash", "status", "start", "read", "no-such"]), ARGUMENTS, json_values)
@example("bash", {"command": "x", "wait_s": float("nan")}, None)
@example("\ud800", {}, None)
@example("bash", {"session": "\ud800"}, {"progressToken": "\ud800"})
def test_a_call_with_any_arguments_is_answered(wire: Wire, tool: str, given_: dict[str, Any], meta: Any) -> None:
    body, headers = call("bash", **{"wait_s": 0, "session": "x", **given_})
    body["params"] = {**body["params"], "name": tool}
    if isinstance(meta, dict):
        body["params"]["_meta"] = {**body["params"]["_meta"], **meta}
    wire.post(json.dumps(body).encode(), {**headers, "Mcp-Name": tool if tool.isascii() else "x"})


METHODS = st.sampled_from(
    ["tools/call", "resources/read", "prompts/get", "completion/complete", "subscriptions/listen", "tools/list"]
    + ["logging/setLevel", "ping", "server/discover", "notifications/cancelled", "resources/subscribe", "x", ""]
)


@given(
    METHODS, st.dictionaries(st.sampled_from(["name", "uri", "arguments", "ref", "argument", "cursor"]), json_values)
)
@example("resources/read", {"uri": "mlgym://tasks/\ud800"})
@example(
    "completion/complete", {"ref": {"type": "ref/prompt", "name": "\ud800"}, "argument": {"name": "task", "value": ""}}
)
@example("prompts/get", {"name": "attempt", "arguments": {"task": "\ud800"}})
@example("prompts/get", {"name": "\ud800"})
@example("tools/list", {"cursor": "\ud800"})
def test_any_method_with_any_parameters_is_answered(wire: Wire, method: str, params: dict[str, Any]) -> None:
    body = {**BODY, "method": method, "params": {**params, "_meta": BODY["params"]["_meta"]}}
    name = str(params.get("name", params.get("uri", "")))
    named = {"Mcp-Name": name} if name.isascii() and name.isprintable() and name.strip() == name != "" else {}
    wire.post(json.dumps(body).encode(), {**MODERN, "Mcp-Method": method, **named})


VALUES = st.text("aZ09/*;,=+-. \t\"'()@[]", max_size=20).map(str.strip) | st.sampled_from(
    ["", "2026-07-28", "9999-99-99", "gzip"]
)
ODD_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept", "Content-Type", "Content-Encoding", "MCP-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Origin"]
        + ["Mcp-Name", "Last-Event-ID", "Host", "Authorization", "X-Forwarded-For", "Cookie"]
    ),
    VALUES,
    max_size=4,
)


@given(ODD_HEADERS, FLAVOURS, st.sampled_from(["/mcp", "/mcp/", "/s/x/mcp", "/s/%00/mcp", "/s/%2e%2e/mcp", "/healthz"]))
def test_any_headers_at_any_address_are_answered(
    wire: Wire, odd: dict[str, str], headers: dict[str, str], path: str
) -> None:
    wire.post(ENCODED if "Mcp-Method" in headers else json.dumps(HELLO).encode(), {**headers, **odd}, path=path)


HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"


@given(spoilt(HEAD) | st.binary(max_size=80) | words.map(lambda word: f"GET /{word} HTTP/1.1\r\n\r\n".encode()))
@example(HEAD)
@example(b"POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
@example(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n")
@example(b"GET /" + b"x" * 200_000)
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
def test_bytes_that_are_no_request_are_answered_or_hung_up_on(wire: Wire, raw: bytes) -> None:
    wire.send(raw)


@given(texts.map(lambda text: text.encode("utf-8", "replace")[:2000]))
@example(b"Bearer " + TOKEN.encode() + b" ")
@example(b"Bearer \xff\xfe")
@example(b"Bearer eyJhbGciOiJub25lIn0.e30.")
def test_no_header_but_the_tokens_lets_anybody_in(wire: Wire, header: bytes) -> None:
    line = b"".join(header.splitlines()).replace(b"\0", b"")
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\nAuthorization: "
    answer = wire.send(head + line + b"\r\n\r\n")
    scheme, _, shown = line.partition(b" ")
    let_in = scheme.strip().lower() == b"bearer" and shown.strip() == TOKEN.encode()
    assert let_in or answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 400"))
