"""Servers to measure, and the ways to call them."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import yaml
from anyio.streams.buffered import BufferedByteStream
from mcp import Client, StdioServerParameters
from measuring import until

from mlgym_mcp import assets
from mlgym_mcp.server import catalog_of
from mlgym_mcp.services import open_backend
from mlgym_mcp.settings import Settings, inherited_environment

TASK = "battle-of-the-sexes-v1"
STEPS = 1_000_000_000
SERVER = Path(__file__).parent / "server.py"
MOST_HEAD = 4096
HEAD = """\
POST /mcp HTTP/1.1\r
Host: {netloc}\r
Content-Type: application/json\r
Accept: application/json, text/event-stream\r
MCP-Protocol-Version: 2026-07-28\r
Mcp-Method: tools/call\r
Mcp-Name: {tool}\r
Content-Length: {length}\r
\r
"""
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one server keeps its things, and how it is set."""

    folder: Path
    env: dict[str, str]

    @property
    def sandboxes(self) -> list[str]:
        """The folders of the sandboxes that there are now."""
        folder = self.folder / "sandboxes"
        return os.listdir(folder) if folder.exists() else []

    async def emptied(self) -> None:
        """Wait until the server has removed its sandboxes, which it does after it has answered."""
        await until(lambda: not self.sandboxes, "the sandboxes were removed")


@asynccontextmanager
async def place(backend: str, **settings: object) -> AsyncIterator[Place]:
    """A data folder for one server, and the task that is worked at: a copy whose budget outlasts the benchmark."""
    with tempfile.TemporaryDirectory(prefix="mlgym-mcp-benchmark-") as temporary:
        folder = Path(temporary)
        _copy_task(folder / "tasks")
        room = {"max_memory": "1000GiB", "max_cpus": 1000}  # what is measured is not the queue
        given = {"sandbox": backend, "data_dir": folder, "tasks_dirs": folder / "tasks", "orphan_grace": 60}
        variables = {f"MLGYM_MCP_{name.upper()}": str(value) for name, value in {**given, **room, **settings}.items()}
        env = inherited_environment() | variables
        try:
            yield Place(folder, env)
        finally:
            await _cleared(Settings.load(environ=env))


@asynccontextmanager
async def stdio_client(at: Place) -> AsyncIterator[Client]:
    """A client of a server that it starts itself."""
    async with Client(StdioServerParameters(command=sys.executable, args=[str(SERVER)], env=at.env)) as client:
        yield client


@dataclass(frozen=True, slots=True)
class Served:
    """A server over HTTP."""

    url: str
    pid: int


@asynccontextmanager
async def http_server(at: Place) -> AsyncIterator[Served]:
    """A server over HTTP, while the block runs."""
    async with await anyio.open_process([sys.executable, str(SERVER), "http"], env=at.env, stderr=None) as process:
        try:
            assert process.stdout is not None
            yield Served((await process.stdout.receive()).decode().strip(), process.pid)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()


@asynccontextmanager
async def http_client(at: Place) -> AsyncIterator[Client]:
    """The SDK's client of a server over HTTP."""
    async with http_server(at) as server, Client(server.url) as client:
        yield client


async def started(client: Client) -> str:
    """Start a session; its handle."""
    answer = await client.call_tool("start", {"task": TASK})
    assert not answer.is_error, answer.content
    return str((answer.structured_content or {})["session"])


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection to a server, as cheap as can be: what it costs is taken from the server on the same machine."""

    stream: BufferedByteStream
    netloc: str

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """One tool call of the newest protocol revision.

        Raises:
            RuntimeError: the tool's answer is an error.
        """
        params = {"name": tool, "arguments": arguments, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = HEAD.format(netloc=self.netloc, tool=tool, length=len(body))
        await self.stream.send(head.encode() + body)
        answered = (await self.stream.receive_until(b"\r\n\r\n", MOST_HEAD)).decode().lower()
        answer = json.loads(await self._body(answered))
        if "error" in answer or answer["result"].get("isError"):
            raise RuntimeError(f"{tool} failed: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _body(self, head: str) -> bytes:
        """The answer's JSON: the whole body, or the last event of a stream, which comes where notices go before it."""
        if "content-length: " in head:
            return await self.stream.receive_exactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        stream = b""
        while length := int(await self.stream.receive_until(b"\r\n", MOST_HEAD), 16):
            stream += await self.stream.receive_exactly(length)
            await self.stream.receive_exactly(2)
        await self.stream.receive_exactly(2)
        return next(line for line in reversed(stream.splitlines()) if line.startswith(b"data: ")).removeprefix(
            b"data: "
        )

    async def start(self) -> str:
        """Start a session; its handle.

        Raises:
            RuntimeError: it did not open in time.
        """
        answer = (await self.call("start", task=TASK))["structuredContent"]
        if answer["state"] != "open":
            raise RuntimeError(f"the session is {answer['state']}: {answer['reason']}")
        return str(answer["session"])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection of its own."""
    at = urlsplit(url)
    async with await anyio.connect_tcp(str(at.hostname), int(at.port or 0)) as stream:
        yield Connection(BufferedByteStream(stream), at.netloc)


async def _cleared(settings: Settings) -> None:
    """Remove what a benchmark that failed has left."""
    with anyio.CancelScope(shield=True):
        async with open_backend(settings, catalog_of(settings)) as backend:
            for sandbox in await backend.ids():
                await backend.remove(sandbox)


def _copy_task(folder: Path) -> None:
    source, copy = assets.folder("tasks") / TASK, folder / TASK
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    description = yaml.safe_load((copy / "task.yaml").read_text())
    description["budget"] = {**description.get("budget", {}), "steps": STEPS}
    (copy / "task.yaml").write_text(yaml.safe_dump(description))
