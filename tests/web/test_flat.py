"""However connections come and go, the server is afterwards what it was before."""

import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from httpx2 import AsyncClient

from tests.fakes import TASK, World
from tests.processes import HANDSHAKE
from tests.web.stage import MODERN, Site, call, site

ROUNDS = 400
AT_ONCE = 8
IDLE = 0.5
MEGABYTE = 1_000_000
LEGACY = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HANDSHAKE}

Visit = Callable[[Site, AsyncClient], Awaitable[object]]


async def works_and_leaves(served: Site, http: AsyncClient) -> None:
    session = (await asked(http, "start", task=TASK))["structuredContent"]["session"]
    await asked(http, "bash", session=session, command="true")
    await asked(http, "end", session=session)


async def shakes_hands_and_says_goodbye(served: Site, http: AsyncClient) -> None:
    connection = await shaken(http)
    await http.delete("/mcp", headers=connection)


async def shakes_hands_and_is_gone(served: Site, http: AsyncClient) -> None:
    await shaken(http)


async def listens_and_is_gone(served: Site, http: AsyncClient) -> None:
    connection = await shaken(http)
    async with http.stream("GET", "/mcp", headers={**connection, "Accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200


async def is_refused(served: Site, http: AsyncClient) -> None:
    unknown = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    assert (await http.post("/mcp", json=unknown, headers=LEGACY)).status_code == 400
    assert (await http.post("/mcp", content=b"{", headers=MODERN)).status_code == 400
    assert (await http.post("/nowhere", json={})).status_code == 404


async def is_gone_in_mid_request(served: Site, http: AsyncClient) -> None:
    body, headers = call("list_tasks")
    await dropped(served, headers, json.dumps(body).encode()[:-10])


async def is_gone_in_mid_call(served: Site, http: AsyncClient) -> None:
    session = (await asked(http, "start", task=TASK))["structuredContent"]["session"]
    body, headers = call("bash", session=session, command="sleep 60", wait_s=50)
    await dropped(served, headers, json.dumps(body).encode())
    await asked(http, "end", session=session)


VISITS: list[Visit] = [
    works_and_leaves,
    shakes_hands_and_says_goodbye,
    shakes_hands_and_is_gone,
    listens_and_is_gone,
    is_refused,
    is_gone_in_mid_request,
    is_gone_in_mid_call,
]


async def asked(http: AsyncClient, tool: str, **arguments: Any) -> dict[str, Any]:
    body, headers = call(tool, **arguments)
    result: dict[str, Any] = (await http.post("/mcp", json=body, headers=headers)).json()["result"]
    assert not result.get("isError"), result
    return result


async def shaken(http: AsyncClient) -> dict[str, str]:
    answer = await http.post("/mcp", json=INITIALIZE, headers=LEGACY)
    assert answer.status_code == 200
    return {**LEGACY, "Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-06-18"}


async def dropped(served: Site, headers: dict[str, str], sent: bytes) -> None:
    """Send the beginning of a request and hang up."""
    place = urlsplit(served.url)
    lines = [f"{name}: {value}" for name, value in {**headers, "Host": place.netloc, "Content-Length": "999"}.items()]
    async with await anyio.connect_tcp(str(place.hostname), int(place.port or 0)) as stream:
        await stream.send("\r\n".join(["POST /mcp HTTP/1.1", *lines, "", ""]).encode() + sent)


async def visited(served: Site, rounds: int) -> None:
    """Have clients come and go, a few at a time, each in one of all ways."""
    places = anyio.CapacityLimiter(AT_ONCE)

    async def visit(way: Visit) -> None:
        async with places, served.raw() as http:
            await way(served, http)

    async with anyio.create_task_group() as clients:
        for number in range(rounds):
            clients.start_soon(visit, VISITS[number % len(VISITS)])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
async def test_hundreds_of_connections_that_open_fail_and_drop_leave_nothing_behind(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, connection_idle=IDLE, max_sessions=50) as served:
        await visited(served, 210)
        tasks, files, before = await settled(world)
        await visited(served, ROUNDS)
        tasks_now, files_now, memory_now = await settled(world)
    assert tasks_now <= tasks and files_now <= files
    assert memory_now - before < 10 * MEGABYTE


async def settled(world: World) -> tuple[int, int, int]:
    """Tasks, descriptors and bytes in memory, once what was dropped has been given up."""
    world.clock.advance(60)  # sessions that are over are looked at no more
    counts = len(asyncio.all_tasks()), descriptors()
    with anyio.fail_after(30):
        while True:
            await anyio.sleep(3 * IDLE)
            now = len(asyncio.all_tasks()), descriptors()
            if now == counts:
                return *now, memory()
            counts = now
