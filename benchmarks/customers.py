"""Customers: what those who come to a server do there, well or badly, each visit from its beginning to its end.

A visit that goes as it should raises nothing; what a server must refuse is asked for on purpose, and counted apart.
"""

import random
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import anyio
from mcp import Client, MCPDeprecationWarning
from mcp.client.streamable_http import streamable_http_client
from serving import TASK, Connection, connected

Visit: TypeAlias = Callable[["Customer"], Awaitable[None]]

STRATEGY = "# {number}\ndef row_strategy(history):\n    return 0\n"
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("bash", {"command": "true"}),
    ("bash", {"command": "true", "session": "nobody's"}),
    ("bash", {"session": "nobody's"}),
    ("start", {"task": "no-such-task"}),
    ("start", {"task": TASK, "steps": -1}),
    ("edit", {"command": "view", "path": "/etc/shadow", "session": "nobody's"}),
    ("no_such_tool", {}),
]
CALL = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
RUBBISH = (
    b"\0\0\0\0",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /s/nobody/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    CALL,
    CALL + b"Content-Length: 1\r\n\r\n{",
    CALL + b"Content-Length: 5000\r\n\r\n{",
    CALL + b"Content-Length: 2\r\n\r\n[]",
    CALL.replace(b"127.0.0.1", b"elsewhere.example") + b"Content-Length: 2\r\n\r\n{}",
)


@dataclass(slots=True)
class Tally:
    """What came of all visits together."""

    visits: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    calls: int = 0
    refused: int = 0
    """Calls that were wrong on purpose."""
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Customer:
    """A server, as one customer sees it."""

    url: str
    tally: Tally
    dice: random.Random

    @asynccontextmanager
    async def desk(self) -> AsyncIterator["Desk"]:
        """A connection of its own."""
        async with connected(self.url) as connection:
            yield Desk(self, connection)


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection, and the ways to call over it."""

    customer: Customer
    connection: Connection

    async def start(self, **arguments: Any) -> str:
        """A session, open; its handle."""
        answer = await self.do("start", task=TASK, **arguments)
        self.customer.tally.sessions += 1
        return str(answer["structuredContent"]["session"])

    async def do(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A call that should go well."""
        self.customer.tally.calls += 1
        return await self.connection.call(tool, **arguments)

    async def do_wrong(self, tool: str, **arguments: Any) -> None:
        """A call that should be refused."""
        self.customer.tally.calls += 1
        try:
            await self.connection.call(tool, **arguments)
        except RuntimeError:
            self.customer.tally.refused += 1
        else:
            raise RuntimeError(f"{tool} {arguments} should have been refused")

    async def submission(self, session: str) -> None:
        """Write a strategy that no other session has."""
        text = STRATEGY.format(number=self.customer.dice.getrandbits(64))
        await self.do("edit", session=session, command="create", path="strategy.py", file_text=text)


async def works_and_submits(customer: Customer) -> None:
    """The whole of a session, and what is asked of it when it is over."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.do("bash", session=session, command="seq 2000; ls -la /data")
        await desk.submission(session)
        await desk.do("edit", session=session, command="view", path="strategy.py")
        await desk.do("validate", session=session)
        await desk.do("submit", session=session)
        await desk.do("submit", session=session)
        await desk.do_wrong("bash", session=session, command="true")


async def runs_jobs(customer: Customer) -> None:
    """Jobs that end by themselves, are killed, or go on when the session ends."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.do("bash", session=session, command="sleep 0.2; echo done", background=True)
        await desk.do("bash", session=session, command="cat", background=True)
        await desk.do("bash", session=session, command="yes > /dev/null", background=True)
        await desk.do("job", session=session, job="j1", action="wait", wait_s=5)
        await desk.do("job", session=session, job="j2", action="input", input="line\n", wait_s=0.1)
        await desk.do("job", session=session, job="j3", action="kill")
        await desk.do_wrong("job", session=session, job="j99")
        await desk.do("end", session=session)


async def branches(customer: Customer) -> None:
    """A checkpoint, a fork from it, a return to it."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.do("bash", session=session, command="head -c 200000 /dev/urandom > state")
        await desk.do("checkpoint", session=session)
        forked = (await desk.do("fork", session=session, checkpoint="c1"))["structuredContent"]["session"]
        customer.tally.sessions += 1
        await desk.do("bash", session=session, command="rm state")
        await desk.do("restore", session=session, checkpoint="c1")
        for one in (session, forked):
            await desk.do("bash", session=one, command="test -s state")
            await desk.do("end", session=one)


async def walks_away(customer: Customer) -> None:
    """A session that nobody ends: its lease does."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.submission(session)
        if customer.dice.random() < 0.5:
            await desk.do("validate", session=session)


async def is_cut_off(customer: Customer) -> None:
    """Whoever runs the agent ends it."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.submission(session)
        await desk.do("cut_off", session=session, why="exit_cost")


async def spends_its_budget(customer: Customer) -> None:
    """The last step ends the session, which is scored if it validated."""
    async with customer.desk() as desk:
        session = await desk.start(steps=3)
        await desk.submission(session)
        await desk.do("validate", session=session)
        await desk.do("bash", session=session, command="true")
        await desk.do_wrong("bash", session=session, command="true")
        await desk.do("submit", session=session)


async def hangs_up_midway(customer: Customer) -> None:
    """Connections that close while their call goes on, a `start` among them."""
    async with customer.desk() as desk:
        session = await desk.start()
    for tool, arguments in (("bash", {"command": "sleep 1", "session": session}), ("start", {"task": TASK})):
        async with customer.desk() as desk:
            customer.tally.calls += 1
            with anyio.move_on_after(0.05 + customer.dice.random() / 5):
                await desk.connection.call(tool, **arguments)
    async with customer.desk() as desk:
        await desk.do("status", session=session)
        await desk.do("end", session=session)


async def ruins_its_sandbox(customer: Customer) -> None:
    """Everything killed, the disk filled, the output without end."""
    async with customer.desk() as desk:
        session = await desk.start()
        await desk.do("bash", session=session, command="yes | head -c 3000000")
        await desk.do("bash", session=session, command="head -c 1G /dev/zero > full")
        await desk.do("bash", session=session, command="rm full; kill -9 -1")
        await desk.do("bash", session=session, command="true")
        await desk.do("end", session=session)


async def asks_for_what_is_wrong(customer: Customer) -> None:
    """Calls with mistakes, and what is no call at all."""
    async with customer.desk() as desk:
        for tool, arguments in WRONG:
            await desk.do_wrong(tool, **arguments)
    at = urlsplit(customer.url)
    for rubbish in RUBBISH:
        async with await anyio.connect_tcp(str(at.hostname), int(at.port or 0)) as stream:
            await stream.send(rubbish)
            with anyio.move_on_after(0.1):
                await stream.receive()


async def comes_with_the_sdk(customer: Customer) -> None:
    """The SDK's own client, of either era, that subscribes, reads and is told of progress; some leave rudely."""
    legacy, rude = customer.dice.random() < 0.5, customer.dice.random() < 0.5
    transport = streamable_http_client(customer.url, terminate_on_close=not rude)
    async with Client(transport, mode="legacy" if legacy else "auto") as client:
        customer.tally.calls += 4
        customer.tally.sessions += 1
        await client.list_tools()
        started = await client.call_tool("start", {"task": TASK}, progress_callback=_nothing)
        session = (started.structured_content or {})["session"]
        uri = f"mlgym://sessions/{session}"
        async with _subscribed(client, uri, legacy=legacy):
            await client.call_tool("bash", {"session": session, "command": "sleep 0.1"}, progress_callback=_nothing)
            await client.read_resource(f"{uri}/trajectory")
        if rude:
            return
        await client.call_tool("end", {"session": session})


VISITS: tuple[tuple[Visit, int], ...] = (
    (works_and_submits, 3),
    (runs_jobs, 2),
    (branches, 2),
    (walks_away, 2),
    (is_cut_off, 2),
    (spends_its_budget, 1),
    (hangs_up_midway, 2),
    (ruins_its_sandbox, 1),
    (asks_for_what_is_wrong, 1),
    (comes_with_the_sdk, 3),
)
"""Each with how often it comes beside the others."""


@asynccontextmanager
async def _subscribed(client: Client, uri: str, *, legacy: bool) -> AsyncIterator[None]:
    if not legacy:
        async with client.listen(resource_subscriptions=[uri]):
            yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await client.subscribe_resource(uri)
        yield


async def _nothing(progress: float, total: float | None, message: str | None) -> None:
    """Being told of progress makes the answer a stream."""
