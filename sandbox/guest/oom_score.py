"""The guest's place among what the kernel kills when memory is full, which all that it starts inherits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

FILE = "/proc/self/oom_score_adj"
EXPENDABLE = 500
"""How much sooner than the guest the rest is killed, in thousandths of the limit."""
MAX_SIZE = 16


class OomScore:
    """Raised while a program is started, for a full memory may leave too little to change it afterwards."""

    def __init__(self) -> None:
        self._fd = _opened()
        self._own = b"" if self._fd is None else os.pread(self._fd, MAX_SIZE, 0)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Have what is started in the block go before the guest does. The agent may undo it for its own processes."""
        if self._fd is None:
            yield
            return
        os.pwrite(self._fd, b"%d" % max(int(self._own), EXPENDABLE), 0)
        try:
            yield
        finally:
            os.pwrite(self._fd, self._own, 0)


def _opened() -> Optional[int]:
    try:
        return os.open(FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # a kernel, or a stand-in for one, that has none
        return None
