"""MCP Inspector on the command line: a client written by others, for one request at a time."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio

from tests.processes import environment as server_environment
from tests.processes import http_server
from tests.strangers.node import environment, program

Transport = Literal["stdio", "http"]
REVISIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
"""The protocol revision that Inspector speaks in each era."""
LIMIT = 120
"""Seconds for all that a test asks; far more than is needed, for slow machines."""
AT_ONCE = 2
"""Requests at once: each starts a process, and over stdin and stdout two."""


@dataclass(frozen=True)
class Inspector:
    """Asks one server in one era."""

    folder: Path
    """Holds its configuration, and is its home."""
    era: str

    async def ask(self, method: str, *options: str) -> dict[str, Any]:
        """The result of one request; an error fails the test, and so does a tool's schema that not all clients read."""
        answer = json.loads(await self._run("--method", method, "--format", "json", *options))
        assert "schemaFindings" not in answer, answer["schemaFindings"]  # what `--strict` calls a warning
        result: dict[str, Any] = answer["result"]
        return result

    async def windows(self) -> dict[str, str]:
        """The tools whose answers have a window of their own, with the address of its page, which can be read."""
        found = map(json.loads, (await self._run("--method", "tools/list", "--app-info")).splitlines())
        return {tool["toolName"]: tool["resourceUri"] for tool in found if tool["hasApp"]}

    async def _run(self, *options: str) -> bytes:
        command = [program("mcp-inspector"), "--cli", "--quiet", "--config", str(self.folder / "mcp.json")]
        command += ["--server", "mlgym", "--protocol-era", self.era, *options]
        env = environment(HOME=str(self.folder), MCP_INSPECTOR_SECRET_STORE="memory")
        ended = await anyio.run_process(command, check=False, env=env)
        said = ended.stdout.decode() + ended.stderr.decode()
        assert ended.returncode == 0, f"{' '.join(options)}: status {ended.returncode}: {said}"
        return ended.stdout

    async def ask_all(self, requests: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
        """The results of requests, by their names."""
        results: dict[str, dict[str, Any]] = {}
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def ask(name: str, request: tuple[str, ...]) -> None:
            async with limiter:
                results[name] = await self.ask(*request)

        async with anyio.create_task_group() as tasks:
            for name, request in requests.items():
                tasks.start_soon(ask, name, request)
        return results

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers; an error fails the test."""
        return await self.ask("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))


@asynccontextmanager
async def inspecting(
    folder: Path, cache_dir: Path, transport: Transport, era: str, **settings: Any
) -> AsyncIterator[Inspector]:
    """An Inspector whose configuration names our server as users' do: a command to start, or an address."""
    with anyio.fail_after(LIMIT):
        if transport == "stdio":
            entry = {"command": sys.executable, "args": ["-m", "mlgym_mcp", "serve"]}
            _configure(folder, {"type": "stdio", **entry, "env": server_environment(folder, cache_dir, **settings)})
            yield Inspector(folder, era)
            return
        async with http_server(folder, cache_dir, **settings) as (url, _):
            _configure(folder, {"type": "http", "url": f"{url}/mcp"})
            yield Inspector(folder, era)


def _configure(folder: Path, entry: dict[str, Any]) -> None:
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"mlgym": entry}}))
