"""Servers as processes of their own, with real sandboxes, as their users start them."""

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

LIMIT = 60
"""Seconds for everything a test waits for; far more than it takes, for slow machines."""
REPOSITORY = Path(__file__).parents[1]
HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
MOST_LINE = 1 << 20


def environment(folder: Path, cache_dir: Path, **settings: object) -> dict[str, str]:
    """The environment of a server on a data folder below `folder`."""
    quiet = {"log_level": "warning", "drain_s": 0}  # nobody reads it on and on, or waits for its end
    chosen = {"data_dir": folder / "data", "cache_dir": cache_dir, "sandbox": "bubblewrap", **quiet, **settings}
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "clients")]),
        **{f"MLGYM_MCP_{name.upper()}": str(value) for name, value in chosen.items()},
    }


@dataclass
class RawServer:
    """A server process on stdin and stdout, and JSON-RPC by hand: the way of its end is the test's to choose."""

    process: Process
    requests: int = 0
    _lines: BufferedByteReceiveStream = field(init=False)

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        self._lines = BufferedByteReceiveStream(self.process.stdout)

    async def open(self) -> None:
        """Shake hands."""
        await self.request("initialize", HANDSHAKE)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers."""
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def send_call(self, tool: str, **arguments: Any) -> None:
        """Call a tool without waiting for the answer."""
        self.requests += 1
        params = {"name": tool, "arguments": arguments}
        await self._send({"jsonrpc": "2.0", "id": self.requests, "method": "tools/call", "params": params})

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """What a request is answered with."""
        self.requests += 1
        await self._send({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params})
        while True:
            message: dict[str, Any] = json.loads(await self._lines.receive_until(b"\n", MOST_LINE))
            if message.get("id") == self.requests:
                result: dict[str, Any] = message["result"]
                return result

    async def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def stdio_server(folder: Path, cache_dir: Path, *prefix: str, **settings: object) -> AsyncIterator[RawServer]:
    """A server on stdin and stdout, that has shaken hands; started by the command `prefix` where one is given."""
    command = [*prefix, sys.executable, "-m", "mlgym_mcp", "serve"]
    env = environment(folder, cache_dir, **settings)
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(command, env=env, stderr=None, cwd="/") as process:
            server = RawServer(process)
            await server.open()
            yield server


@asynccontextmanager
async def http_server(
    folder: Path, cache_dir: Path, *arguments: str, env: Mapping[str, str] | None = None, **settings: object
) -> AsyncIterator[tuple[str, Process]]:
    """A server over HTTP on a port of its own: its address (`http://127.0.0.1:1234`), and its process."""
    command = [sys.executable, "-m", "mlgym_mcp", "serve", "--http", "--port", "0", *arguments]
    variables = {**environment(folder, cache_dir, **settings), **(env or {})}
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(command, env=variables, stdout=None, cwd="/") as process:
            try:
                yield await announced(process), process
            finally:
                with suppress(ProcessLookupError):
                    process.terminate()


async def announced(process: Process) -> str:
    """The address that a server over HTTP says on stderr when it is ready, without its path."""
    assert process.stderr is not None
    said = b""
    while b"/mcp\n" not in said:
        said += await process.stderr.receive()
    return said.decode().split("serving MCP at ")[1].split("/mcp")[0]
