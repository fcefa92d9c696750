"""Unix sockets in folders whose path may be longer than the 107 bytes that an address holds."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
from anyio.abc import ByteStream

from mlgym_mcp.errors import SandboxGone

BACKLOG = 16


def listen(folder: Path, name: str) -> int:
    """Make a listening socket; its descriptor."""
    with short(folder) as place, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(f"{place}/{name}")
        listener.listen(BACKLOG)
        return listener.detach()


async def connect(folder: Path, name: str) -> ByteStream:
    """Connect to a socket of a folder.

    Raises:
        SandboxGone: nobody listens there.
    """
    try:
        with short(folder) as place:
            # A link could lead to any socket of the host.
            if not stat.S_ISSOCK(os.lstat(f"{place}/{name}").st_mode):
                raise SandboxGone(f"{name} is no socket")
            return await anyio.connect_unix(f"{place}/{name}")
    except OSError as error:
        raise SandboxGone(f"the sandbox's socket can't be reached: {error.strerror or error}") from None


@contextmanager
def short(folder: Path) -> Iterator[str]:
    """A short path of a folder, good until the block ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
