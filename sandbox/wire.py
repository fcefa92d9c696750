"""Frames and messages of the runners: how judge, contestant and host talk without sharing a type or a file.

A *frame* goes over a pipe: two big-endian 32-bit lengths, a JSON header, a body of raw bytes. The host reads the
headers and relays the bodies. A *message* is such a body: a JSON header that only the two runners understand, and
arrays as raw bytes in C order. Nothing is pickled, every length is checked before it is used, and whatever is not
well-formed is a `WireError`.
"""

from __future__ import annotations

import json
import math
import os
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

MAX_HEADER = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
MAX_ARRAYS = 64
MAX_DIMENSIONS = 8

Header = dict[str, Any]

_FRAME = struct.Struct(">II")
_MESSAGE = struct.Struct(">I")
_TYPE_CODES = {
    "bool": "B",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""dtype, as numpy names it → type code of the standard library's `array`."""
_KINDS = {"?": "bool"}
_KINDS.update(dict.fromkeys("bhilq", "int"), **dict.fromkeys("BHILQ", "uint"), **dict.fromkeys("fd", "float"))
"""Format of a buffer → the dtype without its bits."""


class WireError(Exception):
    """Raised when bytes are not what the protocol allows, or would not be."""


@dataclass(frozen=True)
class Array:
    """A dense array in C order. For numpy: `np.frombuffer(a.data, a.dtype).reshape(a.shape)`."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: Any, shape: Sequence[int] | None = None) -> Array:
        """Take anything with a buffer: a numpy array, an `array`, bytes; `shape` is the buffer's unless given."""
        view = memoryview(values)
        kind = _KINDS.get(view.format)
        dtype = "bool" if kind == "bool" else f"{kind}{8 * view.itemsize}"
        if kind is None or dtype not in _TYPE_CODES:
            raise WireError(f"arrays of format {view.format!r} can't be sent")
        made = cls(dtype, tuple(shape if shape is not None else view.shape or ()), view.tobytes())
        if made.data_size != len(made.data):
            raise WireError(f"{len(made.data)} bytes don't fill shape {made.shape} of {dtype}")
        return made

    @property
    def data_size(self) -> int:
        """How many bytes the shape and the dtype ask for."""
        return math.prod(self.shape) * array(_TYPE_CODES[self.dtype]).itemsize

    def values(self) -> array[Any]:
        """All values, flat."""
        flat = array(_TYPE_CODES[self.dtype])
        flat.frombytes(self.data)
        return flat


class Channel:
    """Frames both ways over two streams of bytes."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    def take_stdio(cls) -> Channel:
        """Take this process's stdin and stdout: from here on fd 0 is empty and prints go to stderr."""
        reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(reader, writer)

    def receive(self) -> tuple[Header, bytes] | None:
        """Read one frame; None when the other side has closed between two frames."""
        lengths = self._reader.read(_FRAME.size)
        if not lengths:
            return None
        if len(lengths) < _FRAME.size:
            raise WireError("the stream ended inside a frame")
        header_size, body_size = _FRAME.unpack(lengths)
        if header_size > MAX_HEADER or body_size > MAX_BODY:
            raise WireError(f"a frame of {header_size} + {body_size} bytes is over the limit")
        header = parse_header(self._exactly(header_size))
        return header, self._exactly(body_size)

    def send(self, header: Header, body: bytes = b"") -> None:
        """Write one frame and flush it."""
        encoded = encode_header(header)
        if len(body) > MAX_BODY:
            raise WireError(f"a body of {len(body)} bytes is over the limit of {MAX_BODY}")
        self._writer.write(_FRAME.pack(len(encoded), len(body)) + encoded)
        self._writer.write(body)
        self._writer.flush()

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise WireError("the stream ended inside a frame")
        return data


def encode_header(header: Header) -> bytes:
    """A JSON object as bytes; numbers that are not finite are refused."""
    try:
        encoded = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"the header can't be written as JSON: {error}") from None
    if len(encoded) > MAX_HEADER:
        raise WireError(f"a header of {len(encoded)} bytes is over the limit of {MAX_HEADER}")
    return encoded


def parse_header(encoded: bytes) -> Header:
    """The JSON object in `encoded`."""
    try:
        header = json.loads(encoded.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # ValueError is also UnicodeDecodeError's and JSONDecodeError's base
        raise WireError("the header is not well-formed JSON") from None
    if not isinstance(header, dict):
        raise WireError("the header is not a JSON object")
    return header


def pack_message(header: Header, arrays: Sequence[Array] = ()) -> bytes:
    """A message: length of the description, description (header, dtypes, shapes), the arrays' bytes."""
    described = [{"dtype": item.dtype, "shape": list(item.shape)} for item in arrays]
    encoded = encode_header({"header": header, "arrays": described})
    message = b"".join([_MESSAGE.pack(len(encoded)), encoded, *(item.data for item in arrays)])
    if len(arrays) > MAX_ARRAYS or len(message) > MAX_BODY:
        raise WireError(f"a message of {len(arrays)} arrays and {len(message)} bytes is over the limit")
    return message


def unpack_message(message: bytes) -> tuple[Header, list[Array]]:
    """The header and the arrays of a message; every length must fit exactly."""
    if len(message) < _MESSAGE.size:
        raise WireError("the message is cut short")
    (size,) = _MESSAGE.unpack_from(message)
    start = _MESSAGE.size + size
    if size > MAX_HEADER or start > len(message):
        raise WireError("the message's header is longer than the message or the limit")
    description = parse_header(message[_MESSAGE.size : start])
    header, described = description.get("header"), description.get("arrays")
    if not isinstance(header, dict) or not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise WireError("the message's description is not well-formed")
    arrays = []
    for item in described:
        empty = _described_array(item)
        end = start + empty.data_size
        if end > len(message):
            raise WireError("an array is longer than the message")
        arrays.append(Array(empty.dtype, empty.shape, message[start:end]))
        start = end
    if start != len(message):
        raise WireError("the message has bytes after its last array")
    return header, arrays


def _described_array(item: Any) -> Array:
    dtype = item.get("dtype") if isinstance(item, dict) else None
    shape = item.get("shape") if isinstance(item, dict) else None
    if not isinstance(dtype, str) or dtype not in _TYPE_CODES:
        raise WireError("an array has no known dtype")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise WireError("an array has no usable shape")
    if not all(type(length) is int and 0 <= length <= MAX_BODY for length in shape):
        raise WireError("an array's shape holds something that is not a length")
    return Array(dtype, tuple(shape), b"")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
