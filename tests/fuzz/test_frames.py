"""Frames of every kind: they go round whole, and whatever else comes is refused by the one error that is foreseen."""

import io
from array import array
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
import wire
from anyio import EndOfStream
from anyio.abc import SocketStream
from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.sandbox import frames
from mlgym_mcp.sandbox.docker_stream import MOST_COMPLAINTS, ExecStream
from mlgym_mcp.sandbox.frames import FrameError, FrameReceiver, decode_header, encode
from tests.fuzz.strategies import json_values, pieces, same_after_a_trip, spoilt, words

HEADERS = st.dictionaries(words, same_after_a_trip, max_size=4)
SOUND = encode({"id": 1, "ok": True, "error": "none"}, b"body") + encode({"id": 2}, b"")
MESSAGE = wire.pack_message({"op": "map"}, [wire.Array.of(b"abcd", (2, 2)), wire.Array.of(b"", (0, 3))])


def giving(parts: list[bytes]) -> Callable[[], Awaitable[bytes]]:
    """What gives these pieces, then the end."""
    left = list(parts)

    async def receive() -> bytes:
        if not left:
            raise EndOfStream
        return left.pop(0)

    return receive


async def all_frames(parts: list[bytes]) -> list[tuple[dict[str, Any], bytes]]:
    """The frames in pieces of bytes, up to their end or the first thing that is none."""
    receiver, found = FrameReceiver(giving(parts)), []
    try:
        while True:
            found.append(await receiver.receive())
    except (EndOfStream, FrameError):
        return found


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=40)), max_size=3), st.data())
def test_frames_go_round_however_they_are_cut(sent: list[tuple[dict[str, Any], bytes]], data: st.DataObject) -> None:
    stream = b"".join(encode(header, body) for header, body in sent)
    assert anyio.run(all_frames, data.draw(pieces(stream))) == sent


@given(st.binary(max_size=200) | spoilt(SOUND))
@example(b"\xff" * 8)
@example((5000).to_bytes(4, "big") + bytes(4) + b'{"id":' + b"9" * 4993 + b"}")
def test_bytes_that_are_no_frames_are_refused_as_such(stream: bytes) -> None:
    anyio.run(all_frames, [stream])


@given(st.binary(max_size=100) | json_values.map(lambda value: repr(value).encode("utf-8", "replace")))
@example(b"[" * 60_000)
@example(b'{"id": ' + b"9" * 5000 + b"}")
def test_a_header_is_an_object_or_refused(text: bytes) -> None:
    try:
        assert isinstance(decode_header(text), dict)
    except FrameError as error:
        assert "\n" not in str(error)


@given(json_values, st.integers(0, 100))
def test_what_a_sender_calls_a_text_is_one_that_can_be_written(value: object, limit: int) -> None:
    text = frames.plain_text(value, limit)
    assert len(text.encode()) <= 4 * limit


class Cut(SocketStream):
    """A connection to an engine, of which pieces come."""

    def __init__(self, parts: list[bytes]) -> None:
        self._receive = giving(parts)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._receive()

    async def send(self, item: bytes) -> None:
        raise NotImplementedError

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass

    @property
    def _raw_socket(self) -> Any:
        raise NotImplementedError


async def output_of(stream: ExecStream, at_once: int) -> bytes:
    """All that a program printed."""
    output = b""
    try:
        while True:
            piece = await stream.receive(at_once)
            assert len(piece) <= at_once
            output += piece
    except EndOfStream:
        return output


@given(
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=50)), max_size=8),
    st.integers(1, 60),
    st.booleans(),
    st.data(),
)
def test_output_over_an_engine_is_what_was_printed_however_it_is_cut(
    said: list[tuple[int, bytes]], at_once: int, begins: bool, data: st.DataObject
) -> None:
    raw = b"".join(bytes([kind, 0, 0, 0]) + len(text).to_bytes(4, "big") + text for kind, text in said)
    parts = data.draw(pieces(raw))
    early = parts.pop(0) if parts and begins else b""
    stream = ExecStream(Cut(parts), early)
    assert anyio.run(output_of, stream, at_once) == b"".join(text for kind, text in said if kind == 1)
    assert stream.complaints == b"".join(text for kind, text in said if kind != 1)[:MOST_COMPLAINTS]


@given(st.binary(max_size=300))
def test_bytes_that_no_engine_sends_are_an_end_and_no_error(raw: bytes) -> None:
    anyio.run(output_of, ExecStream(Cut([raw])), 64)


ARRAYS = st.lists(
    st.tuples(st.sampled_from("bBhHiIqQ"), st.lists(st.integers(0, 100), max_size=5)).map(
        lambda made: wire.Array.of(array(made[0], made[1]))
    ),
    max_size=4,
)


@given(HEADERS, ARRAYS)
def test_messages_between_runners_go_round(header: dict[str, Any], arrays: list[wire.Array]) -> None:
    assert wire.unpack_message(wire.pack_message(header, arrays)) == (header, arrays)


@given(st.binary(max_size=200) | spoilt(MESSAGE))
def test_a_message_of_a_contestant_is_read_or_refused_as_malformed(message: bytes) -> None:
    try:
        _, arrays = wire.unpack_message(message)
    except wire.WireError:
        return
    assert sum(len(one.data) for one in arrays) <= len(message)
    for one in arrays:
        assert len(one.values()) * max(1, one.data_size) >= len(one.data)


@given(
    st.dictionaries(st.sampled_from(["header", "arrays"]), json_values),
    st.lists(st.fixed_dictionaries({"dtype": json_values, "shape": json_values}), max_size=3),
    st.binary(max_size=20),
)
def test_a_message_well_formed_but_for_what_it_says_is_read_or_refused(
    description: dict[str, Any], arrays: list[Any], rest: bytes
) -> None:
    try:
        encoded = wire.encode_header({"header": {}, "arrays": arrays, **description})
        wire.unpack_message(len(encoded).to_bytes(4, "big") + encoded + rest)
    except wire.WireError as error:
        assert len(str(error)) < 500


@given(st.binary(max_size=200) | spoilt(SOUND))
def test_a_runner_reads_frames_or_refuses_them(stream: bytes) -> None:
    channel = wire.Channel(io.BytesIO(stream), io.BytesIO())
    with pytest.raises((wire.WireError, StopIteration)):
        while channel.receive() is not None:
            pass
        raise StopIteration
