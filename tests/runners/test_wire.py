"""Frames and messages go round whole, and whatever is not well-formed is a WireError and nothing else."""

import io
import json
import random
import struct
from array import array
from typing import Any

import pytest
import wire
from wire import Array, Channel, WireError, pack_message, unpack_message

EXAMPLE = pack_message({"op": "map"}, [Array.of(array("q", [1, -2, 3])), Array.of(b"", (4, 0, 2))])


def described(**changes: Any) -> bytes:
    """A message whose only array is described with `changes`, and holds two bytes."""
    encoded = json.dumps({"header": {}, "arrays": [{"dtype": "uint8", "shape": [2], **changes}]}).encode()
    return struct.pack(">I", len(encoded)) + encoded + b"ab"


def test_a_message_goes_round_with_its_arrays() -> None:
    header, (numbers, nothing) = unpack_message(EXAMPLE)
    assert header == {"op": "map"}
    assert (numbers.dtype, numbers.shape, numbers.values().tolist()) == ("int64", (3,), [1, -2, 3])
    assert (nothing.dtype, nothing.shape, nothing.values().tolist()) == ("uint8", (4, 0, 2), [])


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_every_type_of_the_standard_array_goes_round(code: str) -> None:
    values = array(code, [0, 1, 100])
    _, (received,) = unpack_message(pack_message({}, [Array.of(values)]))
    assert received.values().tolist() == values.tolist()


def test_a_buffer_with_a_shape_of_its_own_keeps_it() -> None:
    assert Array.of(memoryview(bytes(6)).cast("B", (2, 3))).shape == (2, 3)


def test_a_shape_that_the_bytes_do_not_fill_is_refused() -> None:
    with pytest.raises(WireError, match="don't fill"):
        Array.of(b"abc", (2, 2))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0\0",
        b"\xff\xff\xff\xff{}",
        struct.pack(">I", 9) + b"{}",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 2) + b"{}",
        struct.pack(">I", 4) + b"\xff\xfe{}",
        described(dtype="object"),
        described(dtype=["uint8"]),
        described(shape=[-2]),
        described(shape=[True]),
        described(shape=[2.0]),
        described(shape="2"),
        described(shape=[1] * 9),
        described(shape=[2**31, 2**31]),
        described(shape=[3]),
        described(shape=[1]),
        EXAMPLE + b"\0",
    ],
)
def test_a_malformed_message_is_refused(message: bytes) -> None:
    with pytest.raises(WireError):
        unpack_message(message)


def test_a_message_cut_anywhere_is_refused() -> None:
    for size in range(len(EXAMPLE)):
        with pytest.raises(WireError):
            unpack_message(EXAMPLE[:size])


def test_a_message_with_changed_bytes_is_refused_or_read_but_never_crashes() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        changed = bytearray(EXAMPLE)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        try:
            unpack_message(bytes(changed))
        except WireError:
            pass


@pytest.mark.parametrize("text", ["[" * 60_000, '{"a":' * 10_000, '{"a": NaN}', '{"a": Infinity}', "3", "", '{"a"'])
def test_json_that_is_deep_or_not_an_object_of_finite_numbers_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        wire.parse_header(text.encode())


@pytest.mark.parametrize("header", [{"a": float("nan")}, {"a": object()}, {"a": "x" * wire.MAX_HEADER}])
def test_a_header_that_json_can_not_hold_is_not_sent(header: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        pack_message(header)


def test_frames_go_round_and_the_end_between_two_is_none() -> None:
    stream = io.BytesIO()
    Channel(io.BytesIO(), stream).send({"type": "ask"}, b"body")
    received = Channel(io.BytesIO(stream.getvalue()), io.BytesIO())
    assert received.receive() == ({"type": "ask"}, b"body")
    assert received.receive() is None


@pytest.mark.parametrize("size", range(1, 8 + 14 + 4))
def test_a_frame_cut_anywhere_is_refused(size: int) -> None:
    stream = io.BytesIO()
    Channel(io.BytesIO(), stream).send({"type": "ask"}, b"body")
    with pytest.raises(WireError):
        Channel(io.BytesIO(stream.getvalue()[:size]), io.BytesIO()).receive()


@pytest.mark.parametrize("lengths", [(wire.MAX_HEADER + 1, 0), (2, wire.MAX_BODY + 1), (2**32 - 1, 2**32 - 1)])
def test_a_frame_over_the_limits_is_refused_before_it_is_read(lengths: tuple[int, int]) -> None:
    with pytest.raises(WireError, match="over the limit"):
        Channel(io.BytesIO(struct.pack(">II", *lengths)), io.BytesIO()).receive()
