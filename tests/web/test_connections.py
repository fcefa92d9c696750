"""Strangers who open connections and ask for nothing, or not all of it: nobody else waits for them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.abc import SocketStream
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.auth.secret import hashed
from mlgym_mcp.web import address
from mlgym_mcp.web.app import make_app
from mlgym_mcp.web.serving import serving
from tests.web.stage import TOKEN

LIMIT = 20
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
FEW = 10


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(body.decode())(scope, receive, send)


class Slow:
    """Answers once it is told to."""

    def __init__(self) -> None:
        self.asked, self.told = anyio.Event(), anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.told.wait()
        await PlainTextResponse("at last")(scope, receive, send)


@asynccontextmanager
async def served(
    within: ASGIApp = echo,
    *,
    keep_alive: int = 60,
    most: int | None = None,
    token: str | None = None,
    body_time: float = 60.0,
) -> AsyncIterator[str]:
    """The address of a server that answers with what it is sent, and with `within` at the address of a session."""
    app = make_app(echo, within, Doorkeeper(token_hash=hashed(token) if token else None), body_time=body_time)
    with address.listen("127.0.0.1", 0) as listener, anyio.fail_after(LIMIT):
        async with serving(app, listener, keep_alive=keep_alive, most=most):
            yield address.url(listener)


async def connected(url: str) -> SocketStream:
    place = urlsplit(url)
    return await anyio.connect_tcp(str(place.hostname), int(place.port or 0))


async def said(stream: SocketStream) -> bytes:
    """All that comes until the other side closes."""
    text = b""
    try:
        while True:
            text += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return text


async def answer(stream: SocketStream, request: bytes) -> bytes:
    """The beginning of what comes back; nothing when the connection was closed."""
    try:
        await stream.send(request)
        return await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return b""


@pytest.mark.parametrize("sent", [b"", b"GET /he", HEALTH, HEALTH + b"G"])
async def test_a_connection_that_brings_no_whole_request_is_closed(sent: bytes) -> None:
    async with served(keep_alive=1) as url, await connected(url) as stream:
        if sent:
            await stream.send(sent)
        assert (await said(stream)).count(b"200 OK") == sent.count(HEALTH)


@pytest.mark.parametrize("sent", [b"G", POST + b"\r\n12345"])
async def test_connections_without_a_whole_request_make_room_for_whoever_comes(sent: bytes) -> None:
    async with served(most=FEW) as url, AsyncExitStack() as strangers:
        first = await strangers.enter_async_context(await connected(url))
        await first.send(sent)
        for _ in range(3 * FEW):
            stranger = await strangers.enter_async_context(await connected(url))
            with suppress(anyio.BrokenResourceError):
                await stranger.send(sent)
        assert await said(first) == b""
        async with await connected(url) as stream:
            assert b"200 OK" in await answer(stream, HEALTH)


async def test_a_connection_whose_request_is_being_answered_makes_room_for_nobody() -> None:
    slow = Slow()
    async with served(slow, most=2) as url, await connected(url) as busy:
        await busy.send(POST.replace(b"/mcp", b"/s/some-session/mcp") + b"\r\n1234567890")
        await slow.asked.wait()
        async with AsyncExitStack() as strangers:
            for _ in range(FEW):
                await strangers.enter_async_context(await connected(url))
            slow.told.set()
            assert b"200 OK" in await busy.receive()


async def test_a_body_that_stays_away_is_given_up() -> None:
    async with served(body_time=0.1) as url, await connected(url) as stream:
        await stream.send(POST + b"\r\n12345")
        text = await said(stream)
    assert b"408" in text and b"send it again" in text


async def test_without_the_token_no_body_is_waited_for() -> None:
    async with served(token=TOKEN) as url, await connected(url) as stream:
        assert b"401" in await answer(stream, POST + b"\r\n")


@pytest.mark.parametrize("place", ["/mcp", "/mcp/", "/s/some-session/mcp", "/s/some-session/mcp/"])
async def test_an_address_is_answered_with_a_slash_at_its_end_too(place: str) -> None:
    request = POST.replace(b"/mcp", place.encode()) + b"Connection: close\r\n\r\n1234567890"
    async with served() as url, await connected(url) as stream:
        await stream.send(request)
        text = await said(stream)
    assert b"200 OK" in text and text.endswith(b"1234567890")


@pytest.mark.parametrize("place", ["/", "/nowhere", "/s/mcp", "/s//mcp", "/s/a%2fb/mcp", "//mcp", "/healthz/"])
async def test_where_nothing_is_the_answer_says_where_to_go(place: str) -> None:
    request = POST.replace(b"/mcp", place.encode()) + b"Connection: close\r\n\r\n1234567890"
    async with served() as url, await connected(url) as stream:
        await stream.send(request)
        text = await said(stream)
    assert b"404" in text and b"served at /mcp" in text
