"""The relay: carries one stream between the host and the guest where the guest's socket can't be bound to the host.

Started in a running sandbox as `python3 -I -S /run/guest/relay.py SOCKET`, `@NAME` being an abstract one. It says READY
once the guest listens, then passes on what comes, and ends with either end. It runs under a uid of its own: the token
travels through it, and nothing that the agent runs may signal, trace or read it.
"""

import ctypes
import os
import select
import socket
import sys
import time

READY = b"ready\n"
LISTEN_LIMIT = 8.0
"""Seconds within which the guest must listen."""
LOOK = 0.005
CHUNK = 64 * 1024
STDIN, STDOUT = 0, 1
PR_SET_DUMPABLE = 4


class Lane:
    """One direction: reads no more before all that it has read is passed on."""

    def __init__(self, source: int, target: int) -> None:
        self.source, self.target = source, target
        self._waiting = b""

    def wants(self) -> "tuple[int, int]":
        """The descriptor that it waits for, and for which event."""
        return (self.target, select.POLLOUT) if self._waiting else (self.source, select.POLLIN)

    def move(self) -> bool:
        """Pass on what can be passed on now; False once the source has ended."""
        try:
            if not self._waiting:
                self._waiting = os.read(self.source, CHUNK)
                if not self._waiting:
                    return False
            self._waiting = self._waiting[os.write(self.target, self._waiting) :]
        except BlockingIOError:
            pass
        return True


def main(address: str) -> None:
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    connect(address).close()
    os.write(STDOUT, READY)
    first = os.read(STDIN, CHUNK)
    if not first:
        return
    # Connected only now: a silent peer is crowded out when the agent opens many, while the host's word is on its way.
    with connect(address) as guest:
        guest.sendall(first)
        for fd in (STDIN, STDOUT, guest.fileno()):
            os.set_blocking(fd, False)
        shuttle(Lane(STDIN, guest.fileno()), Lane(guest.fileno(), STDOUT))


def connect(address: str) -> socket.socket:
    """A connection to the guest, which may not listen yet, or be crowded for a moment."""
    place = "\0" + address[1:] if address.startswith("@") else address
    deadline = time.monotonic() + LISTEN_LIMIT
    while True:
        guest = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        guest.settimeout(LISTEN_LIMIT)
        error = guest.connect_ex(place)
        if not error:
            return guest
        guest.close()
        if time.monotonic() > deadline:
            raise OSError(error, os.strerror(error))
        time.sleep(LOOK)


def shuttle(*lanes: Lane) -> None:
    """Move bytes until an end is gone."""
    while True:
        # A host that has gone ends the relay even while it waits for the guest to take, or the host to read, a byte.
        wanted = {STDIN: 0}
        for lane in lanes:
            fd, event = lane.wants()
            wanted[fd] = wanted.get(fd, 0) | event
        poll = select.poll()
        for fd, mask in wanted.items():
            poll.register(fd, mask)
        events = dict(poll.poll())
        if events.get(STDIN, 0) & (select.POLLHUP | select.POLLERR):
            return
        for lane in lanes:
            if lane.wants()[0] in events and not lane.move():
                return


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (BrokenPipeError, ConnectionResetError):
        pass  # the host or the guest has gone
