"""The link against guests that lie: whatever comes, the host is told in time, and goes on."""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream

from mlgym_mcp.errors import CommandRefused, InvalidSubmission, SandboxGone
from mlgym_mcp.sandbox import link
from mlgym_mcp.sandbox.fake import FakeBackend
from mlgym_mcp.sandbox.frames import READ_SIZE, FrameReceiver, encode
from mlgym_mcp.sandbox.guest import Guest

Answer = Callable[[ByteStream, dict[str, Any]], Awaitable[None]]
BEYOND = 10**400


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ANSWER_LIMIT", 0.3)
    monkeypatch.setattr(link, "HELLO_LIMIT", 0.3)
    monkeypatch.setattr(link, "SEND_LIMIT", 0.3)


class Elsewhere(FakeBackend):
    """A backend whose every sandbox is one socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    async def connect(self, sandbox_id: str) -> ByteStream:  # type: ignore[override]
        return await anyio.connect_unix(self.path)


@asynccontextmanager
async def lying_guest(folder: Path, answer: Answer, *, greets: bool = True) -> AsyncIterator[Guest]:
    """A guest who is polite at first, then answers every request as told. Leaving must not take long."""

    async def serve(stream: ByteStream) -> None:
        frames = FrameReceiver(lambda: stream.receive(READ_SIZE))
        async with stream:
            try:
                header, _ = await frames.receive()
                if greets:
                    await stream.send(encode({"id": header["id"], "ok": True}))
                while True:
                    header, _ = await frames.receive()
                    await answer(stream, header)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass

    with anyio.fail_after(10):
        async with await anyio.create_unix_listener(folder / "s") as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            async with anyio.create_task_group() as links:
                guest = Guest(links, Elsewhere(folder / "s"), "any", "token")
                yield guest
                await guest.aclose()
            tasks.cancel_scope.cancel()


def sends(data: bytes) -> Answer:
    async def answer(stream: ByteStream, _header: dict[str, Any]) -> None:
        await stream.send(data)

    return answer


def replies(body: bytes = b"", **fields: Any) -> Answer:
    """A frame well formed, whatever it says."""

    async def answer(stream: ByteStream, header: dict[str, Any]) -> None:
        text = json.dumps({"id": header["id"], "ok": True, **fields}).encode()
        await stream.send(len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body)

    return answer


def framed(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + bytes(4) + text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff" * 8, id="giant lengths"),
        pytest.param((65537).to_bytes(4, "big") + bytes(4), id="a header too long"),
        pytest.param(bytes(4) + (8 * 1024 * 1024 + 1).to_bytes(4, "big"), id="a body too long"),
        pytest.param(bytes(4) + (8 * 1024 * 1024).to_bytes(4, "big"), id="a body that never comes"),
        pytest.param(framed(b"not json"), id="no JSON"),
        pytest.param(framed(b"\xff\xfe\x80"), id="no text"),
        pytest.param(framed(b"[]"), id="no object"),
        pytest.param(framed(b"[" * 60_000), id="deeply nested"),
        pytest.param(framed(b'{"id":' + b"[" * 300 + b"]" * 300 + b"}"), id="an id that is a list"),
        pytest.param(framed(b'{"id": {}, "ok": true}'), id="an id that is an object"),
        pytest.param(framed(b'{"id": 99999, "ok": true}'), id="an id of nobody"),
        pytest.param(framed(b'{"id": ' + b"9" * 5000 + b"}"), id="a number too long"),
        pytest.param(framed(b'{"ok": true}'), id="no id"),
        pytest.param(framed(b"{}") * 1000, id="a flood"),
        pytest.param(b"", id="silence"),
        pytest.param(b"\0", id="a piece"),
    ],
)
async def test_what_is_no_reply_is_a_lost_sandbox(data: bytes, tmp_path: Path) -> None:
    async with lying_guest(tmp_path, sends(data)) as guest:
        with pytest.raises(SandboxGone):
            await guest.run("true", wait_s=0, time_limit=1)


async def test_a_guest_who_hangs_up_is_a_lost_sandbox(tmp_path: Path) -> None:
    async def hang_up(stream: ByteStream, _header: dict[str, Any]) -> None:
        await stream.aclose()

    async with lying_guest(tmp_path, hang_up) as guest:
        with pytest.raises(SandboxGone):
            await guest.run("true", wait_s=0, time_limit=1)


async def test_a_guest_who_does_not_greet_holds_nobody_up(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, sends(b""), greets=False) as guest:
        with pytest.raises(SandboxGone):
            await guest.run("true", wait_s=0, time_limit=1)


async def test_a_guest_who_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    async def sleep(_stream: ByteStream, _header: dict[str, Any]) -> None:
        await anyio.sleep_forever()

    async with lying_guest(tmp_path, sleep) as guest:
        with pytest.raises(SandboxGone):
            await guest.run("true", wait_s=0, time_limit=1)
        with pytest.raises(SandboxGone):
            await guest.create("file", bytes(8 * 1024 * 1024))
        with anyio.move_on_after(0.05):
            await guest.create("file", bytes(8 * 1024 * 1024))


@pytest.mark.parametrize("value", [None, "7", True, 1.5, [], {}, BEYOND, -BEYOND, float("nan"), "\ud800", "x" * 5000])
async def test_a_reply_of_the_wrong_shape_is_refused_or_read_as_harmless(value: Any, tmp_path: Path) -> None:
    if isinstance(value, int) and value in (BEYOND, -BEYOND):
        value = int(str(value)[:300])
    names = ("job", "running", "exit", "path", "seconds", "stopped", "cwd", "shell_lost")
    sound = {"head": 0, "omitted": 0, "size": 0}
    async with lying_guest(tmp_path, replies(b"", **dict.fromkeys(names, value), **sound)) as guest:
        result = await guest.run("true", wait_s=0, time_limit=1)
        assert json.dumps(result.job + result.cwd + result.output_path + str(result.stopped)).isascii()
        (result.job + result.cwd + result.output_path).encode()
        assert len(result.cwd) <= 4096
        assert result.exit_code is None
        assert 0 <= result.seconds <= 1.5
    for name in sound:
        (tmp_path / name).mkdir()
        async with lying_guest(tmp_path / name, replies(**{**sound, name: value})) as guest:
            with pytest.raises(SandboxGone):
                await guest.run("true", wait_s=0, time_limit=1)


async def test_sizes_that_do_not_fit_what_came_are_bounded_by_it(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(b"abc", head=-5, omitted=-7, size=-9)) as guest:
        result = await guest.run("true", wait_s=0, time_limit=1)
        assert (result.head, result.tail, result.omitted, result.size) == (b"", b"abc", 0, 0)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[" * 100_000, b"{}", b"3", b"null", b'[1, [], {"job": 3}]'])
async def test_a_list_of_jobs_that_is_none_does_no_harm(body: bytes, tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(body)) as guest:
        try:
            jobs = await guest.jobs()
        except SandboxGone:
            return
        assert [(job.job, job.exit_code) for job in jobs] in ([], [("", None)])


@pytest.mark.parametrize("error", [None, 3, [[]], {"a": 1}, "\ud800", "x" * 50_000, ""])
async def test_a_refusal_is_a_short_text_that_can_be_passed_on(error: Any, tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(ok=False, error=error)) as guest:
        with pytest.raises(CommandRefused) as caught:
            await guest.view("file")
    text = str(caught.value)
    assert 0 < len(text.encode()) <= 2000


async def test_other_operations_check_what_they_are_told(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(kind="exe", upload="x", program=None, exit="y")) as guest:
        with pytest.raises(SandboxGone):
            await guest.view("file")
        with pytest.raises(SandboxGone):
            await guest.write("file", b"x")
        with pytest.raises(SandboxGone):
            await guest.spawn(["program"])


async def test_a_pack_without_end_is_cut_off(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(bytes(200_000), transfer=1, files=1, size=10, end=False)) as guest:
        with pytest.raises(InvalidSubmission, match="more than 1000000 bytes"):
            async for _ in guest.pack(["file"], max_size=1_000_000):
                pass


async def test_a_pack_that_claims_countless_files_is_cut_off(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(bytes(8_000_000), transfer=1, files=2**50, size=10)) as guest:
        with pytest.raises((InvalidSubmission, SandboxGone)):
            async for _ in guest.pack(["file"], max_size=1_000_000):
                pass


async def test_a_pack_of_nothing_without_end_is_cut_off(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(b"", transfer=1, files=1, size=10, end=False)) as guest:
        with pytest.raises((InvalidSubmission, SandboxGone)):
            async for _ in guest.pack(["file"], max_size=1_000_000):
                pass


async def test_a_file_without_end_is_cut_off(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, replies(bytes(200_000), size=10)) as guest:
        with pytest.raises(CommandRefused, match="more than 1000000 bytes"):
            await guest.read("file", max_size=1_000_000)


async def test_replies_out_of_order_find_their_requests(tmp_path: Path) -> None:
    held: list[dict[str, Any]] = []

    async def backwards(stream: ByteStream, header: dict[str, Any]) -> None:
        held.append(header)
        if len(held) == 5:
            for request in reversed(held):
                await replies(request["path"].encode())(stream, request)

    async with lying_guest(tmp_path, backwards) as guest:
        snippets: dict[str, bytes] = {}

        async def insert(path: str) -> None:
            snippets[path] = await guest.insert(path, 0, b"x")

        async with anyio.create_task_group() as tasks:
            for path in "abcde":
                tasks.start_soon(insert, path)
    assert snippets == {path: path.encode() for path in "abcde"}


async def test_a_late_reply_to_a_request_given_up_does_not_end_the_stream(tmp_path: Path) -> None:
    numbers = itertools.count()
    held: list[dict[str, Any]] = []

    async def late(stream: ByteStream, header: dict[str, Any]) -> None:
        held.append(header)
        if next(numbers):
            for request in held:
                await replies(request["path"].encode())(stream, request)

    async with lying_guest(tmp_path, late) as guest:
        with anyio.move_on_after(0.05):
            await guest.insert("first", 0, b"x")
        assert await guest.insert("second", 0, b"x") == b"second"


async def test_a_lost_stream_does_not_buy_a_guest_another_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_LIMIT", 1.0)
    lost = itertools.count()

    async def hang_up_late_then_stall(stream: ByteStream, _header: dict[str, Any]) -> None:
        if next(lost) == 0:
            await anyio.sleep(0.8)
            await stream.aclose()

    async with lying_guest(tmp_path, hang_up_late_then_stall) as guest:
        with anyio.fail_after(1.5), pytest.raises(SandboxGone):
            await guest.jobs()
    assert next(lost) == 2


async def test_a_guest_who_never_answers_holds_a_call_no_longer_than_its_wait_and_the_limit(tmp_path: Path) -> None:
    async with lying_guest(tmp_path, sends(b"")) as guest:
        with anyio.fail_after(2), pytest.raises(SandboxGone, match="no answer"):
            await guest.run("true", wait_s=0.5, time_limit=60)
        with anyio.fail_after(2), pytest.raises(SandboxGone, match="no answer"):
            await guest.job_wait("j1", wait_s=0.5)
