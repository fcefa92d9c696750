"""Peers: the streams on the guest's socket, and the frames that travel on them.

    | header length, u32 big-endian | body length, u32 big-endian | header: JSON object | body |

A peer must show the sandbox's token first. Until it has, it may send one small frame, and not for long; so the agent,
who can reach the socket under some backends, can neither ask for anything nor fill the guest's memory.
"""

import json
import os
import socket
from typing import Any, Callable, Optional

from loop import Loop

Header = dict[str, Any]
Handler = Callable[["Peer", Header, bytes], None]

MAX_HEADER = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
MAX_STRANGERS = 16
STRANGER_PATIENCE = 5.0
"""Seconds within which a peer must have shown the token."""
MAX_REFUSAL = 2000
"""Characters of a refusal: it may name long paths, and must fit in a header."""
OUTGOING_LIMIT = 4 * MAX_BODY
"""Bytes waiting to be sent above which a peer's requests are left unread."""


_to_json = json.JSONEncoder(separators=(",", ":")).encode


class Malformed(Exception):
    """Raised when a peer sends bytes that are not a frame."""


class Peer:
    """One stream. Replies may be given in any order, whenever they are ready."""

    def __init__(self, connection: socket.socket, listener: "Listener") -> None:
        self.known = False
        self._socket: Optional[socket.socket] = connection
        self._fd = connection.fileno()
        self._listener = listener
        self._incoming = bytearray()
        self._outgoing: list[memoryview] = []
        self._outgoing_size = 0
        connection.setblocking(False)
        self._watch()

    def reply(self, request: Header, header: Header, body: bytes = b"") -> None:
        """Answer a request; a no-op once the peer has gone."""
        if self._socket is None:
            return
        text = _to_json({"id": request.get("id"), "ok": True, **header}).encode()
        frame = len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body
        self._outgoing.append(memoryview(frame))
        self._outgoing_size += len(frame)
        self._send()

    def refuse(self, request: Header, text: str) -> None:
        """Answer a request with why it can't be done."""
        self.reply(request, {"ok": False, "error": text[:MAX_REFUSAL]})

    def close(self) -> None:
        if self._socket is not None:
            self._listener.loop.watch(self._fd)
            self._socket.close()
            self._socket = None
            self._listener.forget(self)

    def _watch(self) -> None:
        readable = self._receive if self._outgoing_size <= OUTGOING_LIMIT else None
        self._listener.loop.watch(self._fd, readable, self._send if self._outgoing else None)

    def _send(self) -> None:
        assert self._socket is not None
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing[0])
                self._outgoing_size -= sent
                if sent < len(self._outgoing[0]):
                    self._outgoing[0] = self._outgoing[0][sent:]
                else:
                    del self._outgoing[0]
        except BlockingIOError:
            pass
        except OSError:
            return self.close()
        self._watch()

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.close()
        self._incoming += data
        try:
            while self._next_frame():
                pass
        except Malformed:
            self.close()

    def _next_frame(self) -> bool:
        if self._socket is None or len(self._incoming) < 8:
            return False
        header_length = int.from_bytes(self._incoming[:4], "big")
        body_length = int.from_bytes(self._incoming[4:8], "big")
        if header_length > MAX_HEADER or body_length > (MAX_BODY if self.known else 0):
            raise Malformed
        end = 8 + header_length + body_length
        if len(self._incoming) < end:
            return False
        body = bytes(self._incoming[8 + header_length : end])
        header = _parse(bytes(self._incoming[8 : 8 + header_length]))
        del self._incoming[:end]
        self._listener.handle(self, header, body)
        return True


class Listener:
    """The guest's socket: accepts peers, holds them, and knows how long no known one has been there."""

    def __init__(self, loop: Loop, sock: socket.socket, token: bytes, handle: Handler) -> None:
        self.loop = loop
        self._socket = sock
        self._token = token
        self._handle = handle
        self._peers: list[Peer] = []
        sock.setblocking(False)
        os.set_inheritable(sock.fileno(), False)
        loop.watch(sock.fileno(), self._accept)

    @property
    def attended(self) -> bool:
        """Whether a server is connected."""
        return any(peer.known for peer in self._peers)

    def forget(self, peer: Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)

    def handle(self, peer: Peer, header: Header, body: bytes) -> None:
        if peer.known:
            self._handle(peer, header, body)
        elif _same(str(header.get("token", "")).encode(), self._token):
            peer.known = True
            peer.reply(header, {})
        else:
            peer.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        strangers = [peer for peer in self._peers if not peer.known]
        if len(strangers) >= MAX_STRANGERS:
            strangers[0].close()
        peer = Peer(connection, self)
        self._peers.append(peer)
        self.loop.later(STRANGER_PATIENCE, lambda: None if peer.known else peer.close())


def _parse(text: bytes) -> Header:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(header, dict):
        raise Malformed
    return header


def _same(left: bytes, right: bytes) -> bool:
    # Constant time without `hmac`, whose import costs as much as the rest of the guest's hello.
    return len(left) == len(right) and not sum(a ^ b for a, b in zip(left, right))
