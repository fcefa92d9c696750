"""The outlet: a port of the sandbox's own loopback, whose connections the guest carries to the host's proxy.

The sandbox has no network; a Unix socket, mounted where the task may reach hosts, is its one way out. Programs know how
to use a proxy at a port, few at a socket. Who listens at the other end decides what may be reached: nothing here does.
"""

import socket
from functools import partial
from typing import Callable

from loop import Loop

CHUNK = 64 * 1024
MOST = 16
"""Connections at once; further ones wait to be accepted."""


class Outlet:
    """Listens, and opens a connection to the proxy for each that it accepts."""

    def __init__(self, loop: Loop, port: int, proxy: str) -> None:
        self._loop = loop
        self._proxy = proxy
        self._open = 0
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self._socket.setblocking(False)
        self._watch()

    def _watch(self) -> None:
        self._loop.watch(self._socket.fileno(), self._accept if self._open < MOST else None)

    def _accept(self) -> None:
        try:
            program, _ = self._socket.accept()
        except OSError:
            return
        proxy = socket.socket(socket.AF_UNIX)
        program.setblocking(False)
        proxy.setblocking(False)
        try:
            proxy.connect(self._proxy)
        except OSError:  # the server is gone, until the next one takes the session up, or has too much to do
            program.close()
            proxy.close()
            return
        self._open += 1
        self._watch()
        Splice(self._loop, program, proxy, self._ended)

    def _ended(self) -> None:
        self._open -= 1
        self._watch()


class Lane:
    """One direction: reads no more before all that it has read is passed on."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.waiting = b""
        self.ended = False

    def move(self) -> None:
        """Pass on what can be passed on now, the end included."""
        if not self.waiting:
            self.waiting = self.source.recv(CHUNK)
            if not self.waiting:
                self.ended = True
                self.target.shutdown(socket.SHUT_WR)
                return
        self.waiting = self.waiting[self.target.send(self.waiting) :]


class Splice:
    """Two sockets, each of which is told what the other says, until both have ended or one has failed."""

    def __init__(self, loop: Loop, one: socket.socket, other: socket.socket, ended: Callable[[], None]) -> None:
        self._loop = loop
        self._ended = ended
        self._lanes = (Lane(one, other), Lane(other, one))
        self._watch()

    def _watch(self) -> None:
        for lane, opposite in (self._lanes, self._lanes[::-1]):
            readable = None if lane.waiting or lane.ended else partial(self._move, lane)
            self._loop.watch(
                lane.source.fileno(), readable, partial(self._move, opposite) if opposite.waiting else None
            )

    def _move(self, lane: Lane) -> None:
        try:
            lane.move()
        except BlockingIOError:
            pass
        except OSError:
            return self._end()
        if all(lane.ended for lane in self._lanes):
            return self._end()
        self._watch()

    def _end(self) -> None:
        for lane in self._lanes:
            self._loop.watch(lane.source.fileno())
            lane.source.close()
        self._ended()
