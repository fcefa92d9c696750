"""The stream: bytes in, the guest's frames out, without a task of its own. Timers fire while the host reads."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream

from mlgym_mcp.sandbox.frames import PREFIX, Header, decode_header, encode

if TYPE_CHECKING:
    from mlgym_mcp.sandbox.fake.guest import FakeGuest

Reply = Callable[[Header, bytes], None]


class Timer:
    """A call that is due at a time of the event loop."""

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action = action


class FakeStream(ByteStream):
    """The host's end of a stream to a fake guest."""

    def __init__(self, guest: "FakeGuest") -> None:
        self._guest = guest
        self._known = False
        self._closed = False
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._timers: list[Timer] = []
        self._changed = anyio.Event()
        guest.streams.append(self)

    async def send(self, item: bytes) -> None:
        """Give bytes to the guest, which acts on whole frames at once."""
        await anyio.lowlevel.checkpoint()
        if self._closed or self._guest.ended:
            raise BrokenResourceError
        self._incoming += item
        while self._take_frame():
            pass

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What the guest has answered, as soon as there is something."""
        await anyio.lowlevel.checkpoint()
        while not self._outgoing:
            if self._closed:
                raise ClosedResourceError
            if self._guest.ended:
                raise EndOfStream
            await self._wait()
        data = bytes(self._outgoing[:max_bytes])
        del self._outgoing[:max_bytes]
        return data

    async def send_eof(self) -> None:
        """End the stream: a guest answers nobody who doesn't listen."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream; the guest lives on."""
        self.wake(closed=True)
        if self in self._guest.streams:
            self._guest.streams.remove(self)

    def wake(self, *, closed: bool = False) -> None:
        """Let the reader look again."""
        self._closed = self._closed or closed
        self._changed.set()

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call `action` after `seconds`, unless the timer is cancelled first."""
        timer = Timer(anyio.current_time() + seconds, action)
        self._timers.append(timer)
        self.wake()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget a timer."""
        if timer in self._timers:
            self._timers.remove(timer)

    async def _wait(self) -> None:
        self._changed = anyio.Event()
        due = min((timer.due for timer in self._timers), default=float("inf"))
        with anyio.move_on_at(due):
            await self._changed.wait()
        now = anyio.current_time()
        for timer in [timer for timer in self._timers if timer.due <= now]:
            self.cancel(timer)
            timer.action()

    def _take_frame(self) -> bool:
        if len(self._incoming) < PREFIX:
            return False
        header_end = PREFIX + int.from_bytes(self._incoming[:4], "big")
        end = header_end + int.from_bytes(self._incoming[4:PREFIX], "big")
        if len(self._incoming) < end:
            return False
        header = decode_header(bytes(self._incoming[PREFIX:header_end]))
        body = bytes(self._incoming[header_end:end])
        del self._incoming[:end]
        self._handle(header, body)
        return True

    def _handle(self, header: Header, body: bytes) -> None:
        if self._known:
            self._guest.handle(self, header, body, self._replier(header))
        elif header.get("token") == self._guest.spec.token:
            self._known = True
            self._replier(header)({}, b"")
        else:
            self.wake(closed=True)

    def _replier(self, request: Header) -> Reply:
        def reply(header: Header, body: bytes) -> None:
            self._outgoing += encode({"id": request.get("id"), "ok": True, **header}, body)
            self.wake()

        return reply
