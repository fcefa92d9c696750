"""Both ends of the stream to a guest against each other's lies, well-formed and not."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.errors import CommandRefused, InvalidSubmission, SandboxGone
from mlgym_mcp.sandbox import link
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.frames import READ_SIZE, FrameReceiver, FrameTooLarge, encode
from mlgym_mcp.sandbox.guest import Guest
from tests.fuzz.stage import opened
from tests.fuzz.strategies import json_values, spoilt, words
from tests.sandbox import boxes
from tests.sandbox.boxes import open_box, specify

NAMES = ("ok", "id", "error", "head", "omitted", "size", "job", "running", "exit", "path", "seconds", "stopped", "cwd")
MORE = ("kind", "total_lines", "truncated", "upload", "program", "transfer", "files", "end", "overwrote", "shell_lost")
REPLIES = st.dictionaries(st.sampled_from(NAMES + MORE), json_values | st.integers(0, 9) | st.just("text"), max_size=8)
Ask = Callable[[Guest], Awaitable[object]]


async def packed(guest: Guest) -> int:
    """How much a pack has."""
    return sum([len(piece) async for piece in guest.pack(["a"], max_size=1000)])


ASKED: dict[str, Ask] = {
    "run": lambda guest: guest.run("true", wait_s=0, time_limit=1),
    "jobs": lambda guest: guest.jobs(),
    "view": lambda guest: guest.view("a"),
    "create": lambda guest: guest.create("a", b"x"),
    "read": lambda guest: guest.read("a", max_size=1000),
    "write": lambda guest: guest.write("a", b"x"),
    "pack": packed,
    "carried": lambda guest: guest.carried(),
    "spawn": lambda guest: guest.spawn(["true"]),
    "renew": lambda guest: guest.renew(lifetime=60),
}


class Liar(ByteStream):
    """A guest that greets, answers each request with the same reply, and ends after a few."""

    def __init__(self, reply: dict[str, Any], body: bytes) -> None:
        self._reply, self._body = reply, body
        self._asked, self._asks = anyio.create_memory_object_stream[bytes](20)
        self._receiver = FrameReceiver(self._asks.receive)
        self._left = 6

    async def receive(self, max_bytes: int = READ_SIZE) -> bytes:
        header, _ = await self._receiver.receive()
        self._left -= 1
        if not self._left:
            raise anyio.EndOfStream
        said = {} if header["op"] == "hello" else self._reply
        return encode({"id": header["id"], "ok": True, **said}, b"" if header["op"] == "hello" else self._body)

    async def send(self, item: bytes) -> None:
        await self._asked.send(item)

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        self._asked.close()
        self._asks.close()


class Lying(FakeBackend):
    """A backend of sandboxes whose guest lies."""

    def __init__(self, reply: dict[str, Any], body: bytes) -> None:
        super().__init__()
        self._lie = reply, body

    async def connect(self, sandbox_id: str) -> ByteStream:  # type: ignore[override]
        return Liar(*self._lie)


@given(st.sampled_from(sorted(ASKED)), REPLIES, st.binary(max_size=30) | st.just(b"[" * 50_000) | st.just(b"9" * 5000))
@example("view", {"kind": ["text"]}, b"")
@example("view", {"kind": {}}, b"")
@example("pack", {"transfer": 1, "files": -(2**52), "size": -1, "end": True}, b"x" * 20)
@example("jobs", {}, b'[{"job": "\\ud800", "exit": 1e999, "seconds": NaN, "size": -1}]')
def test_a_guest_that_lies_is_refused_or_read_as_harmless(name: str, reply: dict[str, Any], body: bytes) -> None:
    async def ask() -> None:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                guest = Guest(tasks, Lying(reply, body), "any", "token")
                try:
                    repr(await ASKED[name](guest)).encode()
                except (CommandRefused, SandboxGone, InvalidSubmission) as error:
                    assert len(str(error).encode()) < 10_000
                finally:
                    await guest.aclose()

    anyio.run(ask)


class Host:
    """Whoever has the token of a real guest, and no manners."""

    def __init__(self, portal: Any, box: Any) -> None:
        self._portal = portal
        self._box = box

    def send(self, frame: bytes, *, known: bool) -> None:
        """Send a frame, or what is none, on a stream of its own, and see that the guest answers others."""
        self._portal.call(self._send, frame, known)

    async def _send(self, frame: bytes, known: bool) -> None:
        with anyio.fail_after(20):
            async with await self._box.backend.connect(self._box.spec.id) as stream:
                if known:
                    await stream.send(encode({"id": 0, **link.hello(self._box.spec.token)}))
                    await FrameReceiver(lambda: stream.receive(READ_SIZE)).receive()
                try:
                    await stream.send(frame)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    pass
            assert await self._box.output("echo served") == "served\n"

    def ask(self, header: dict[str, Any], body: bytes) -> None:
        """Send a well-formed frame, if it is none too large to be sent, and see that it is answered."""
        with suppress(FrameTooLarge):
            self._portal.call(self._ask, header, body)

    async def _ask(self, header: dict[str, Any], body: bytes) -> None:
        with anyio.fail_after(20):
            async with await self._box.backend.connect(self._box.spec.id) as stream:
                frames = FrameReceiver(lambda: stream.receive(READ_SIZE))
                await stream.send(encode({"id": 0, **link.hello(self._box.spec.token)}) + encode(header, body))
                for number in (0, 1):
                    reply, _ = await frames.receive()
                    assert reply["id"] == number
            assert await self._box.output("echo served") == "served\n"


LONGEST_RUN = 3600.0
"""Seconds, for many examples."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    @asynccontextmanager
    async def box() -> AsyncIterator[Any]:
        with tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o755)
            async with open_box("bubblewrap", Path(place), specify(lifetime=LONGEST_RUN)) as made:
                yield made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(boxes, "PATIENCE", LONGEST_RUN)
        with opened(box()) as (portal, made):
            yield Host(portal, made)


OPERATIONS = ["wait", "kill", "jobs", "carried", "view", "create", "str_replace", "insert", "read", "upload", "append"]
OPERATIONS += ["finish", "pack", "pull", "close", "no such operation"]
FIELDS = ["path", "job", "offset", "length", "first", "last", "line", "old", "mode", "upload", "paths", "max_size"]
FIELDS += ["transfer", "program", "grace", "wait", "key", "limit"]


@given(
    st.sampled_from(OPERATIONS) | words,
    st.dictionaries(st.sampled_from(FIELDS), json_values | st.just("a") | st.integers(-1, 2), max_size=5),
    st.binary(max_size=20),
)
@example("view", {"path": "a", "first": float("nan")}, b"")
@example("view", {"path": "\ud800"}, b"")
@example("read", {"path": "a", "offset": 2**70, "length": 1}, b"")
@example("read", {"path": "a", "offset": -1, "length": -1}, b"")
@example("insert", {"path": "a", "line": float("inf")}, b"")
@example("create", {"path": "x" * 5000}, b"")
@example("create", {"path": "a/" * 3000}, b"")
@example("upload", {"path": "\ud800", "mode": 2**70}, b"")
@example("no such operation", {"path": "\ud800" * 5000}, b"")
def test_a_guest_answers_requests_of_every_shape(
    host: Host, operation: str, fields: dict[str, Any], body: bytes
) -> None:
    if operation not in ("run", "renew", "spawn"):
        host.ask({**{name: value for name, value in fields.items() if name != "wait"}, "id": 1, "op": operation}, body)


HELLO = encode({"id": 0, "op": "hello", "token": "x"})


@given(st.binary(max_size=40) | spoilt(encode({"id": 1, "op": "jobs"})) | spoilt(HELLO), st.booleans())
@example(b"\xff" * 8, True)
@example((60_000).to_bytes(4, "big") + bytes(4) + b"[" * 60_000, True)
@example((60_000).to_bytes(4, "big") + bytes(4) + b"[" * 60_000, False)
@example(encode({"id": 0, "op": "hello", "token": "\ud800"}), False)
@example(encode({"id": 0, "op": "hello", "token": ["x"]}), False)
def test_a_guest_outlives_bytes_of_every_kind(host: Host, frame: bytes, known: bool) -> None:
    host.send(frame, known=known)
