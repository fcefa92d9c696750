"""A visit: one connection of a sandbox to the proxy, with the one request that it carries."""

import time
from contextlib import suppress
from dataclasses import dataclass

import anyio
import h11
from anyio.abc import ByteStream

from mlgym_mcp.egress.addresses import Networks, addresses
from mlgym_mcp.egress.journal import Entry, Journal
from mlgym_mcp.egress.refusal import Refusal
from mlgym_mcp.egress.request import Request, read_request
from mlgym_mcp.tasks.network import Network

HEAD_LIMIT = 30.0
"""Seconds within which a request must have come."""
CONNECT_LIMIT = 20.0
"""Seconds within which its host must have been found and reached."""
IDLE_LIMIT = 600.0
"""Seconds without a byte in either direction after which a visit ends: places are few."""
BROKEN = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, h11.ProtocolError)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one sandbox may reach."""

    sandbox: str
    network: Network
    private: Networks


class Visit:
    """Reads the request, sees whether it may go out, carries it there and the answer back, and writes it down."""

    def __init__(self, client: ByteStream, allowed: Pass, journal: Journal) -> None:
        self._client = client
        self._allowed = allowed
        self._journal = journal
        self._entry = Entry(allowed.sandbox)
        self._patience = anyio.CancelScope()

    async def run(self) -> None:
        """Serve until either end has gone."""
        began = time.time()
        try:
            await self._serve()
        except Refusal as refusal:
            self._entry.verdict = "refused" if refusal.status < 500 else "failed"
            self._entry.why = str(refusal)
            with suppress(*BROKEN):
                await self._client.send(_answer(refusal))
        except BROKEN as error:
            self._entry.why = self._entry.why or str(error) or type(error).__name__
        finally:
            self._journal.write(self._entry, began)

    async def _serve(self) -> None:
        with anyio.fail_after(HEAD_LIMIT):
            request = await read_request(self._client)
        entry = self._entry
        entry.method, entry.host, entry.port = request.method, request.host, request.port
        if not self._allowed.network.permits(request.host, request.port):
            asked = f"{request.host}:{request.port}"
            raise Refusal(403, f"{asked} may not be reached from here, only: {self._allowed.network}")
        async with await self._connect(request) as host:
            entry.verdict = "allowed"
            with self._patience:
                self._stir()
                await (self._tunnel if request.tunnels else self._forward)(request, host)
            if self._patience.cancelled_caught:
                entry.why = "ended, for nothing was said any more"

    async def _connect(self, request: Request) -> ByteStream:
        """Connect to an address that was looked at: the name itself could lead elsewhere when asked for again."""
        problem = "it took too long"
        with anyio.move_on_after(CONNECT_LIMIT):
            for address in await addresses(request.host, request.port, self._allowed.private):
                try:
                    host = await anyio.connect_tcp(address, request.port)
                except OSError as error:
                    problem = str(error)
                    continue
                self._entry.address = address
                return host
        raise Refusal(502, f"{request.host}:{request.port} can't be reached: {problem}")

    async def _tunnel(self, request: Request, host: ByteStream) -> None:
        answer = request.connection.send(h11.Response(status_code=200, headers=[], reason="Connection established"))
        await self._client.send(answer or b"")
        await self._send(host, request.connection.trailing_data[0])
        async with anyio.create_task_group() as lanes:
            lanes.start_soon(self._inwards, host, lanes.cancel_scope)
            with suppress(*BROKEN):
                async for data in self._client:
                    await self._send(host, data)
                await host.send_eof()
                return
            lanes.cancel_scope.cancel()

    async def _forward(self, request: Request, host: ByteStream) -> None:
        async with anyio.create_task_group() as lanes:
            lanes.start_soon(self._outwards, request, host)
            await self._inwards(host, lanes.cancel_scope)
            lanes.cancel_scope.cancel()

    async def _outwards(self, request: Request, host: ByteStream) -> None:
        """Pass on the request and its body, and nothing that a program sends after them."""
        onward = h11.Connection(h11.CLIENT)
        event: h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED] = request.onward()
        with suppress(*BROKEN):
            while True:
                if event is h11.NEED_DATA:
                    request.connection.receive_data(await self._client.receive())
                elif isinstance(event, h11.Request | h11.Data | h11.EndOfMessage):
                    await self._send(host, onward.send(event) or b"")
                else:
                    return
                event = request.connection.next_event()

    async def _inwards(self, host: ByteStream, scope: anyio.CancelScope) -> None:
        with suppress(*BROKEN):
            async for data in host:
                self._entry.received += len(data)
                self._stir()
                await self._client.send(data)
            await self._client.send_eof()
            return
        scope.cancel()

    async def _send(self, host: ByteStream, data: bytes) -> None:
        self._entry.sent += len(data)
        self._stir()
        await host.send(data)

    def _stir(self) -> None:
        self._patience.deadline = anyio.current_time() + IDLE_LIMIT


def _answer(refusal: Refusal) -> bytes:
    # Of a refused CONNECT many programs show the first line only: the reason stands there, too.
    text = str(refusal)
    body = f"{text}\n".encode()
    connection = h11.Connection(h11.SERVER)
    head = h11.Response(
        status_code=refusal.status,
        reason=text.encode("ascii", "replace"),
        headers=[("content-type", "text/plain"), ("content-length", str(len(body))), ("connection", "close")],
    )
    return b"".join(connection.send(event) or b"" for event in (head, h11.Data(data=body), h11.EndOfMessage()))
