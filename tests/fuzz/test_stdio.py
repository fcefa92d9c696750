"""Lines on standard input as no client writes them: the process lives on, writes nothing but messages, and serves."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.strategies import LEAKS, json_values, spoilt
from tests.fuzz.test_http import HELLO

LIMIT = 20
"""Seconds in which a line must be answered."""
PING = {"jsonrpc": "2.0", "method": "ping"}
LINE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status", "arguments": {}}})


class Lines:
    """A server on standard input and output."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "MLGYM_MCP_SANDBOX": "fake", "MLGYM_MCP_DATA_DIR": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlgym_mcp", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._count = 0
        self._said: Queue[bytes] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.send(json.dumps(HELLO).encode())

    def send(self, line: bytes) -> None:
        """Write a line and a good one after it, and read the answers to both, if the first is a request."""
        assert self.process.stdin is not None
        self._count += 1
        name = f"good {self._count}"
        self.process.stdin.write(line.replace(b"\n", b" ") + b"\n" + json.dumps({**PING, "id": name}).encode() + b"\n")
        self.process.stdin.flush()
        awaited = [*ids_of(line), name]
        while awaited:
            text = self._said.get(timeout=LIMIT).decode()
            answer = json.loads(text)
            assert answer["jsonrpc"] == "2.0" and not LEAKS.search(text), text[:1000]
            if answer.get("id") in awaited:
                awaited.remove(answer["id"])
            assert answer.get("id") != name or "result" in answer

    def close(self) -> None:
        """End the server."""
        self.process.kill()
        self._reader.join()
        self.process.communicate()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(line)


def ids_of(line: bytes) -> list[Any]:
    """The id of a request, which must be answered; none where the line is something else."""
    try:
        message = json.loads(line.decode("utf-8-sig"))
        name, method = message["id"], message["method"]
        params = message.get("params", {})
        sound = message["jsonrpc"] == "2.0" and isinstance(params, dict) and isinstance(method, str)
        named = type(name) is int and abs(name) < 2**53 or isinstance(name, str) and name.encode() != b""
        return [name] if sound and named and "result" not in message and "error" not in message else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    with tempfile.TemporaryDirectory() as place:
        made = Lines(Path(place))
        try:
            yield made
        finally:
            made.close()


def line_of(**changes: Any) -> bytes:
    """A message like a good one but for some of its parts."""
    return json.dumps({**json.loads(LINE), **changes}).encode()


PARTS = st.dictionaries(st.sampled_from(["id", "method", "params", "jsonrpc", "result", "error"]), json_values)


@given(
    st.binary(max_size=60)
    | spoilt(LINE.encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | PARTS.map(lambda changes: line_of(**changes))
)
@example(b"\xef\xbb\xbf" + LINE.encode())
@example(b"\xff\xfe" + LINE.encode("utf-16-le"))
@example(b"\xff\xff")
@example(b"[" * 100_000)
@example(b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}')
@example(line_of(id=10**400))
@example(line_of(id="\ud800"))
@example(line_of(method="\ud800"))
@example(json.dumps([json.loads(LINE)] * 2).encode())
@example(json.dumps({"jsonrpc": "2.0", "id": 5, "result": {}}).encode())
@example(line_of(params={"name": "status", "arguments": {"session": "\ud800"}}))
@example(line_of(params={"name": "\ud800", "arguments": {}}))
@example(line_of(method="prompts/get", params={"name": "\ud800"}))
@example(line_of(method="prompts/get", params={"name": "attempt", "arguments": {"task": "\ud800"}}))
@example(line_of(method="resources/read", params={"uri": "\ud800"}))
@example(line_of(method="completion/complete", params={"ref": {"type": "ref/prompt", "name": "\ud800"}}))
@example(line_of(method="notifications/cancelled", params={"requestId": "\ud800"}))
@example(line_of(method="initialize", params={}))
@example(b"x" * (5 * 1024 * 1024))
def test_a_line_of_any_bytes_leaves_the_server_serving(lines: Lines, line: bytes) -> None:
    lines.send(line)
