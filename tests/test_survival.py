"""A server process ends in every way there is; its sandboxes live on for the next one, or end by their lease."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.gateway import open_gateway

SEXES = "battle-of-the-sexes-v1"
LIMIT = 60
"""Seconds for everything a test waits for; far more than it takes, for slow machines."""
REPOSITORY = Path(__file__).parents[1]
HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@dataclass
class RawServer:
    """A server process, and JSON-RPC by hand: the way of its end is the test's to choose."""

    process: Process
    requests: int = 0
    _lines: BufferedByteReceiveStream = field(init=False)

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        self._lines = BufferedByteReceiveStream(self.process.stdout)

    async def open(self) -> None:
        await self.request("initialize", HANDSHAKE)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.request("tools/call", {"name": tool, "arguments": arguments})

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        await self._send({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params})
        while True:
            message: dict[str, Any] = json.loads(await self._lines.receive_until(b"\n", 1 << 20))
            if message.get("id") == self.requests:
                result: dict[str, Any] = message["result"]
                return result

    async def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def running(tmp_path: Path, cache_dir: Path, *prefix: str, grace: float = 60) -> AsyncIterator[RawServer]:
    command = [*prefix, sys.executable, "-m", "mlgym_mcp", "serve", "--sandbox", "bubblewrap"]
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "clients")]),
        "MLGYM_MCP_DATA_DIR": str(tmp_path / "data"),
        "MLGYM_MCP_CACHE_DIR": str(cache_dir),
        "MLGYM_MCP_ORPHAN_GRACE": str(grace),
    }
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(command, env=env, stderr=None, cwd="/") as process:
            server = RawServer(process)
            await server.open()
            yield server


async def start(server: RawServer) -> str:
    facts = (await server.call("start", task=SEXES, wait_s=50))["structuredContent"]
    assert facts["state"] == "open"
    return str(facts["session"])


def guest_of(tmp_path: Path) -> int:
    """Process 1 of the one sandbox, as the host numbers it."""
    (state,) = (tmp_path / "data/sandboxes").glob("*/process.json")
    return int(json.loads(state.read_text())["pid"])


async def has_ended(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)


WAYS = ["end of input", signal.SIGTERM, signal.SIGINT, signal.SIGKILL, "death of the parent"]


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_server_that_ends_by(tmp_path: Path, cache_dir: Path, way: str | signal.Signals) -> None:
    """…leaves its session to the next server, which goes on in the same shell."""
    prefix = ("/bin/sh", "-c", 'exec 3<&0; "$@" <&3 & wait', "sh") if way == "death of the parent" else ()
    async with running(tmp_path, cache_dir, *prefix) as server:
        session = await start(server)
        await server.call("bash", session=session, command="cd /tmp; kept=in-the-shell; sleep 1000 & echo $! > pid")
        process = server.process
        if isinstance(way, signal.Signals):
            process.send_signal(way)
        elif way == "end of input" and process.stdin is not None:
            await process.stdin.aclose()
        else:
            process.kill()
        await process.wait()
        while process.stdout is not None:
            try:
                await process.stdout.receive()
            except anyio.EndOfStream:
                break
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        shown = await gateway.bash(session, "echo $kept; pwd; kill -0 $(cat /tmp/pid) && echo still running")
        await gateway.call("end", session=session)
    assert shown.startswith("in-the-shell\n/tmp\nstill running\n")


async def test_a_sandbox_without_a_server_ends_by_its_lease(tmp_path: Path, cache_dir: Path) -> None:
    async with running(tmp_path, cache_dir, grace=0.5) as server:
        session = await start(server)
        guest = guest_of(tmp_path)
        server.process.kill()
        await server.process.wait()
        await has_ended(guest)
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        result = await gateway.client.call_tool("bash", {"session": session, "command": "true"})
        facts = (await gateway.call("status", session=session)).structured_content
    assert result.is_error
    assert facts is not None and facts["state"] == "lost"


async def test_a_sandbox_whose_job_runs_waits_for_the_next_server(tmp_path: Path, cache_dir: Path) -> None:
    async with running(tmp_path, cache_dir, grace=0.5) as server:
        session = await start(server)
        # The job outlasts the grace several times, and ends only when the next server tells it to.
        await server.call("bash", session=session, command="read line; echo got $line", background=True)
        server.process.kill()
        await server.process.wait()
        with anyio.move_on_after(3):
            await has_ended(guest_of(tmp_path))
            pytest.fail("the sandbox ended while its job was running")
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        fed = await gateway.call("job", session=session, job="j1", action="input", input="the news\n", wait_s=20)
        await gateway.call("end", session=session)
    assert "got the news" in str(fed.content)
