"""The host's end of the stream to a guest: requests multiplexed by id, over a stream that may be lost and reopened.

The guest is not believed. Every frame is bounded before it is read, every request has a limit on the host's own clock,
and anything that is not a frame, or a reply to nothing, ends the stream.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream, TaskGroup

from mlgym_mcp.errors import CommandRefused, SandboxGone
from mlgym_mcp.sandbox.frames import READ_SIZE, FrameError, FrameReceiver, FrameTooLarge, Header, encode, plain_text

ANSWER_LIMIT = 30.0
"""Seconds a guest may take to answer, beyond what the request itself asks it to wait; lost streams included."""
HELLO_LIMIT = 10.0
SEND_LIMIT = 10.0
"""Seconds a guest may take to take one frame: it always reads, and a frame has at most 8 MiB."""
MAX_REFUSAL = 2000
"""Characters of a refusal that are passed on."""

Connect = Callable[[], Awaitable[ByteStream]]


class StreamLost(Exception):
    """Raised within the link when the stream ended before a reply came."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent
        """Whether the guest may have got the request."""


class _Pending:
    """One request that waits for its reply."""

    __slots__ = ("arrived", "reply")

    def __init__(self) -> None:
        self.arrived = anyio.Event()
        self.reply: tuple[Header, bytes] | None = None


class _Stream:
    """One stream while it lasts: sends requests, and hands replies to whoever waits for them."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._sending = anyio.Lock(fast_acquire=True)
        self._pending: dict[int, _Pending | None] = {}
        """Requests without a reply yet; None: nobody waits for it any more."""
        self._count = 0
        self.lost = False

    async def request(self, header: Header, body: bytes) -> tuple[Header, bytes]:
        self._count += 1
        number, pending = self._count, _Pending()
        frame = encode({"id": number, **header}, body)
        async with self._sending:
            self._pending[number] = pending
            await self._send(frame)
        if self.lost:
            raise StreamLost(sent=True)
        try:
            await pending.arrived.wait()
        finally:
            if number in self._pending:
                self._pending[number] = None
        if pending.reply is None:
            raise StreamLost(sent=True)
        return pending.reply

    async def _send(self, frame: bytes) -> None:
        # A frame cut off in its middle would garble all that follow: whoever is cancelled still sends it whole.
        with anyio.move_on_after(SEND_LIMIT, shield=True), suppress(BrokenResourceError, ClosedResourceError):
            await self._stream.send(frame)
            return
        self.lost = True
        await self.aclose()
        raise StreamLost(sent=False)

    async def receive_replies(self) -> None:
        """Run until the stream ends; whoever still waits then learns that it was lost."""
        frames = FrameReceiver(lambda: self._stream.receive(READ_SIZE))
        try:
            with suppress(EndOfStream, BrokenResourceError, ClosedResourceError, FrameError):
                while True:
                    self._deliver(*await frames.receive())
        finally:
            self.lost = True
            for pending in filter(None, self._pending.values()):
                pending.arrived.set()
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    def _deliver(self, header: Header, body: bytes) -> None:
        number = header.get("id")
        # One reply a request: a guest that says more than it was asked could keep us reading for ever.
        if not isinstance(number, int) or number not in self._pending:
            raise FrameError("a reply to nothing")
        pending = self._pending.pop(number)
        if pending:
            pending.reply = header, body
            pending.arrived.set()

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)


class Link:
    """Asks a guest for things. Opens its stream when it is first needed, and again when it was lost."""

    def __init__(self, task_group: TaskGroup, connect: Connect, token: str) -> None:
        self._task_group = task_group
        self._connect = connect
        self._token = token
        self._opening = anyio.Lock()
        self._stream: _Stream | None = None

    async def request(
        self, header: Header, body: bytes = b"", *, wait: float = 0.0, repeatable: bool = True
    ) -> tuple[Header, bytes]:
        """Send a request and wait for its reply.

        Args:
            header: `op` and its arguments.
            body: bytes that belong to it.
            wait: seconds the guest was asked to wait before it answers.
            repeatable: whether the request may be sent again when the stream is lost before the reply.

        Raises:
            CommandRefused: the guest says no, and why.
            SandboxGone: the guest can't be reached, or does not answer in time.
        """
        try:
            with anyio.fail_after(wait + ANSWER_LIMIT):
                reply, data = await self._ask(header, body, repeatable=repeatable)
        except StreamLost:
            raise SandboxGone("the sandbox's guest does not answer") from None
        except TimeoutError:
            raise SandboxGone(f"the sandbox's guest gave no answer to {header.get('op')!r}") from None
        except FrameTooLarge:
            raise CommandRefused("the request is too long: a name or a path in it") from None
        if reply.get("ok") is not True:
            raise CommandRefused(plain_text(reply.get("error"), MAX_REFUSAL) or "refused")
        return reply, data

    async def _ask(self, header: Header, body: bytes, *, repeatable: bool) -> tuple[Header, bytes]:
        try:
            return await (await self._open()).request(header, body)
        except StreamLost as lost:
            if lost.sent and not repeatable:
                raise SandboxGone(f"the stream to the sandbox was lost during {header.get('op')!r}") from None
        return await (await self._open()).request(header, body)

    async def aclose(self) -> None:
        """Close the stream; the guest lives on by its lease."""
        if self._stream:
            await self._stream.aclose()
            self._stream = None

    async def _open(self) -> _Stream:
        if self._stream and not self._stream.lost:
            return self._stream
        async with self._opening:
            if self._stream is None or self._stream.lost:
                stream = _Stream(await self._connect())
                self._task_group.start_soon(stream.receive_replies)
                try:
                    with anyio.fail_after(HELLO_LIMIT):
                        await stream.request(hello(self._token), b"")
                except BaseException:
                    await stream.aclose()
                    raise
                self._stream = stream
        return self._stream


def hello(token: str) -> Header:
    """The header of the request that a stream must begin with."""
    return {"op": "hello", "token": token}


async def handshake(stream: ByteStream, token: str) -> None:
    """Wait until the guest at the other end of a new stream has answered, then close the stream.

    Raises:
        SandboxGone: it does not answer, or not as a guest would.
    """
    async with stream:
        try:
            with anyio.fail_after(HELLO_LIMIT):
                await stream.send(encode({"id": 0, **hello(token)}))
                reply, _ = await FrameReceiver(lambda: stream.receive(READ_SIZE)).receive()
        except (TimeoutError, EndOfStream, BrokenResourceError, FrameError) as error:
            raise SandboxGone(f"the guest gave no answer: {type(error).__name__}") from None
    if reply.get("ok") is not True:
        raise SandboxGone("the guest does not know the token")
