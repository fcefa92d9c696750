"""A file of the host in pieces, as it is sent into a sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from mlgym_mcp.sandbox.frames import CHUNK


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """The content of a file, in pieces of at most 256 KiB."""
    async with await anyio.open_file(path, "rb") as file:
        while piece := await file.read(CHUNK):
            yield piece
