"""The writing end of a pipe, fed without ever blocking the guest."""

import os
from typing import Callable, Optional

from loop import Loop


class PipeWriter:
    """Holds what the reader has not taken yet, and knows when it has."""

    def __init__(self, loop: Loop, fd: int) -> None:
        self._loop = loop
        self._fd: Optional[int] = fd
        self._pending = bytearray()
        self._closing = False
        self._drained: list[Callable[[], None]] = []
        os.set_blocking(fd, False)

    @property
    def closed(self) -> bool:
        return self._fd is None or self._closing

    @property
    def pending(self) -> int:
        """Bytes the reader has not taken yet."""
        return len(self._pending)

    def write(self, data: bytes, drained: Optional[Callable[[], None]] = None) -> None:
        """Send bytes; `drained` is called once all of them are with the kernel, or can't be delivered."""
        self._pending += data
        if drained:
            self._drained.append(drained)
        self._flush()

    def close(self) -> None:
        """End the stream once everything written has been taken."""
        self._closing = True
        self._flush()

    def abandon(self) -> None:
        """End the stream now."""
        if self._fd is not None:
            self._loop.close(self._fd)
            self._fd = None
        self._pending.clear()
        self._notify()

    def _flush(self) -> None:
        if self._fd is None:
            self._pending.clear()
            return self._notify()
        try:
            while self._pending:
                del self._pending[: os.write(self._fd, self._pending[:65536])]
        except BlockingIOError:
            return self._loop.watch(self._fd, writable=self._flush)
        except OSError:
            return self.abandon()
        if self._closing:
            return self.abandon()
        self._loop.watch(self._fd)
        self._notify()

    def _notify(self) -> None:
        drained, self._drained = self._drained, []
        for call in drained:
            call()
