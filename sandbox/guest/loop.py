"""The guest's event loop: descriptors, timers and children on one thread.

Written on epoll itself: asyncio would double the guest's start time and memory, and a sandbox holds one guest each.
"""

import functools
import heapq
import os
import select
import signal
import sys
import time
from typing import Callable, Optional

Callback = Callable[[], None]

CROWD = 256
"""Timers beyond those alive at the last look, after which to look for cancelled ones again."""


class Timer:
    """A call that is due at a time, unless it is cancelled first."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callback) -> None:
        self.due = due
        self.callback: Optional[Callback] = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: "Timer") -> bool:
        return self.due < other.due


class Loop:
    """Waits for readable and writable descriptors, for timers, and for children to end."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[Optional[Callback], Optional[Callback]]] = {}
        self._timers: list[Timer] = []
        self._crowded = CROWD
        self._children: dict[int, Callable[[int], None]] = {}
        self._wake_on_children()

    def watch(self, fd: int, readable: Optional[Callback] = None, writable: Optional[Callback] = None) -> None:
        """Call `readable` and `writable` whenever the descriptor is so; both None: stop watching it."""
        mask = _mask(readable, writable)
        if not mask:
            if self._watched.pop(fd, None):
                self._epoll.unregister(fd)
            return
        before = self._watched.get(fd)
        self._watched[fd] = (readable, writable)
        if before is None:
            self._epoll.register(fd, mask)
        elif mask != _mask(*before):
            self._epoll.modify(fd, mask)

    def close(self, fd: int) -> None:
        """Stop watching a descriptor and close it."""
        self.watch(fd)
        os.close(fd)

    def later(self, delay: float, callback: Callback) -> Timer:
        """Call `callback` once, after `delay` seconds."""
        timer = Timer(time.monotonic() + delay, callback)
        if len(self._timers) >= self._crowded:
            # Most timers are cancelled long before they are due: a command's time limit, above all.
            self._timers = [kept for kept in self._timers if kept.callback]
            heapq.heapify(self._timers)
            self._crowded = 2 * len(self._timers) + CROWD
        heapq.heappush(self._timers, timer)
        return timer

    def on_exit(self, pid: int, callback: Callable[[int], None]) -> None:
        """Call `callback` with the exit code of a child (-N for signal N) once it has ended."""
        self._children[pid] = callback

    def run_forever(self) -> None:
        while True:
            for fd, events in self._epoll.poll(self._until_next_timer()):
                readable, writable = self._watched.get(fd, (None, None))
                # Writing first: whoever sends without end must not keep the replies from leaving.
                callback = writable if writable and events & ~select.EPOLLIN else readable
                if callback and not _survives(callback):
                    self.watch(fd)
            self._fire_timers()

    def _until_next_timer(self) -> float:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0].due - time.monotonic()) if self._timers else -1

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0].due <= now:
            callback = heapq.heappop(self._timers).callback
            if callback:
                _survives(callback)

    def _wake_on_children(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

        def reap() -> None:
            os.read(reader, 4096)
            while self._reap_one():
                pass

        self.watch(reader, reap)

    def _reap_one(self) -> bool:
        # As process 1 the guest inherits every orphan: it waits for all, and reports only its own.
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return False
        callback = self._children.pop(pid, None)
        if callback:
            exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            _survives(functools.partial(callback, exit_code))
        return True


def _mask(readable: Optional[Callback], writable: Optional[Callback]) -> int:
    return (select.EPOLLIN if readable else 0) | (select.EPOLLOUT if writable else 0)


def _survives(callback: Callback) -> bool:
    """Call, and tell whether it came back: an error in one callback must not end the whole sandbox."""
    try:
        callback()
    except Exception:  # noqa: BLE001 -- the outermost edge; the traceback goes to the backend's log
        sys.excepthook(*sys.exc_info())
        return False
    return True
