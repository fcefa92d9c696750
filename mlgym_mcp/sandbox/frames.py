"""Frames between host and guest: two lengths, a JSON header, raw bytes after it.

    | header length, u32 big-endian | body length, u32 big-endian | header: JSON object | body |

Requests carry `id` and `op`; a reply carries the request's `id` and `ok`. Bytes (commands, output, file contents)
travel in the body, so nothing needs to be text. Whoever sends the bytes is not believed: lengths are bounded before
anything is read, and a header that is not a small JSON object ends the stream.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

PREFIX = 8
MAX_HEADER = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
CHUNK = 256 * 1024
"""How many bytes of a file or of output travel in one frame."""

READ_SIZE = 256 * 1024

Header = dict[str, Any]

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class FrameError(Exception):
    """Raised when bytes on a stream are not a frame; the stream cannot be used any further."""


class FrameTooLarge(FrameError):
    """Raised when a frame exceeds what is accepted."""


def encode(header: Mapping[str, Any], body: bytes = b"", *, max_body: int = MAX_BODY) -> bytes:
    """One frame as bytes.

    Raises:
        FrameTooLarge: header or body exceeds what the other end accepts.
    """
    text = _to_json(header).encode()
    if len(text) > MAX_HEADER or len(body) > max_body:
        raise FrameTooLarge(f"frame too large: header of {len(text)} bytes, body of {len(body)} bytes")
    return len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body


def decode_header(text: bytes) -> Header:
    """The header of a frame.

    Raises:
        FrameError: it is not a JSON object.
    """
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"header is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise FrameError("header is not a JSON object")
    return header


def plain_text(value: object, limit: int) -> str:
    """What a frame's sender calls a text, if it is one: at most `limit` characters, each of which can be encoded."""
    return value[:limit].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


class FrameReceiver:
    """Takes frames out of bytes that come in pieces."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]], *, max_body: int = MAX_BODY) -> None:
        """`receive` gives the next piece, and raises `anyio.EndOfStream` when there is none."""
        self._receive = receive
        self._max_body = max_body
        self._buffer = bytearray()

    async def receive(self) -> tuple[Header, bytes]:
        """The next frame.

        Raises:
            FrameError: what came is not a frame.
            anyio.EndOfStream: the stream ended, between frames or within one.
        """
        await self._fill(PREFIX)
        header_length, body_length = int.from_bytes(self._buffer[:4], "big"), int.from_bytes(self._buffer[4:8], "big")
        if header_length > MAX_HEADER or body_length > self._max_body:
            raise FrameTooLarge(f"frame announces a header of {header_length} bytes and a body of {body_length} bytes")
        start, end = PREFIX + header_length, PREFIX + header_length + body_length
        await self._fill(end)
        header = decode_header(bytes(self._buffer[PREFIX:start]))
        body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return header, body

    async def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            self._buffer += await self._receive()
