"""A server that is asked to end finishes what goes on, takes no new sessions, and leaves the others to the next one."""

import signal
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process
from httpx2 import AsyncClient
from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.gateway import open_gateway, text
from tests.processes import http_server
from tests.test_survival import COMMAND, GO, SEXES, begun
from tests.tools.stage import facts_of, refused, start
from tests.web.stage import Site

SLOW = "import time\ntime.sleep(1.5)\ndef row_strategy(history): return 0\n"
PATIENCE = 600
"""Seconds for a drain, and more than a test may take."""


async def starts_scoring(http: AsyncClient) -> None:
    while 'mlgym_capacity_used{kind="scorings"} 1.0' not in (await http.get("/metrics")).text:
        await anyio.sleep(0.02)


async def drains(http: AsyncClient, process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    while (await http.get("/readyz")).status_code != 503:
        await anyio.sleep(0.02)


async def test_what_goes_on_is_answered_and_nothing_new_begins(tmp_path: Path, cache_dir: Path) -> None:
    said: dict[str, str] = {}
    async with http_server(tmp_path, cache_dir, drain_s=PATIENCE) as (url, process):
        async with Client(f"{url}/mcp") as client, Site(url).raw() as http:
            session = await start(client, task=SEXES, wait_s=50)
            create = {"command": "create", "path": "strategy.py", "file_text": SLOW}
            await client.call_tool("edit", {"session": session, **create})

            async def validate() -> None:
                answer = await client.call_tool("validate", {"session": session, "wait_s": 50})
                said["outcome"] = facts_of(answer)["outcome"]

            async def work() -> None:
                answer = await client.call_tool("bash", {"session": session, "command": COMMAND, "wait_s": 50})
                said["printed"] = text(answer)

            async with anyio.create_task_group() as calls:
                calls.start_soon(work)
                await begun(client, session)
                calls.start_soon(validate)
                await starts_scoring(http)
                await drains(http, process)
                assert "being stopped" in await refused(client, "start", task=SEXES)
                await client.call_tool("edit", {"session": session, **GO})
        assert await process.wait() == 0
    assert said["outcome"] == "scored" and said["printed"].startswith("begun\ndone\n")
    async with open_gateway(tmp_path / "data", cache_dir) as gateway:
        assert (await gateway.bash(session, "ls go")).startswith("go\n")
        await gateway.call("end", session=session)


async def test_a_second_signal_ends_it_at_once(tmp_path: Path, cache_dir: Path) -> None:
    async with http_server(tmp_path, cache_dir, drain_s=PATIENCE) as (url, process):
        async with Client(f"{url}/mcp", mode="legacy") as client, Site(url).raw() as http:
            session = await start(client, task=SEXES, wait_s=50)

            async def work() -> None:
                with pytest.raises(MCPError):  # no half an answer
                    await client.call_tool("bash", {"session": session, "command": "sleep 1000", "wait_s": 50})

            async with anyio.create_task_group() as calls:
                calls.start_soon(work)
                while "mlgym_calls_in_sandboxes 1.0" not in (await http.get("/metrics")).text:
                    await anyio.sleep(0.02)
                await drains(http, process)
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
