"""Wares: folders and files of the server's that sandboxes mount, brought to nodes through the object store.

A ware is named by what a look at all its files tells (names, sizes, times, modes), which is quick for any size; what is
mounted is never written to, only made anew. On a node it is unpacked beside its place and renamed into it, so that what
is there is whole, and each is brought once.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from mlgym_mcp.errors import SandboxStartError
from mlgym_mcp.sandbox.cluster.connection import answer, asked

CHUNK = 32 * 1024 * 1024
"""Bytes that are put into the object store at once."""
ARRIVE_LIMIT = 600.0
"""Seconds that a node may take to write one chunk."""


@dataclass(frozen=True, slots=True)
class Ware:
    """A folder or file at this moment."""

    source: Path
    name: str

    @classmethod
    async def of(cls, source: Path) -> "Ware":
        """Look at a folder or file.

        Raises:
            SandboxStartError: it is absent.
        """
        try:
            return cls(source, await to_thread.run_sync(_name, source))
        except OSError as error:
            raise SandboxStartError(f"{source} can't be read: {error.strerror or error}") from None

    def place(self, folder: Path) -> Path:
        """Where it lies below a node's folder of wares."""
        return folder / self.name / self.source.name


def _name(source: Path) -> str:
    told = hashlib.sha256()
    for path in sorted([source, *source.rglob("*")]):
        facts = path.lstat()
        size = 0 if path.is_dir() else facts.st_size
        told.update(f"{path.relative_to(source.parent)}\0{size}\0{facts.st_mtime_ns}\0{facts.st_mode}\n".encode())
    return told.hexdigest()[:32]


async def bring(ware: Ware, steward: Any) -> None:
    """Bring a ware to a steward's node.

    Raises:
        SandboxError: it did not arrive.
    """
    import ray

    arrival = await answer(steward.expect.remote(ware.name))
    try:
        async with aclosing(_packed(ware.source)) as chunks:
            async for chunk in chunks:
                await answer(steward.take.remote(arrival, await asked(ray.put, chunk)), within=ARRIVE_LIMIT)
        await answer(steward.finish.remote(arrival), within=ARRIVE_LIMIT)
    except BaseException:
        steward.drop.remote(arrival)
        raise


async def _packed(source: Path) -> AsyncGenerator[bytes, None]:
    command = ["tar", "--create", f"--directory={source.parent}", "--", source.name]
    async with await anyio.open_process(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tar:
        assert tar.stdout is not None
        chunk = bytearray()
        async for piece in tar.stdout:
            chunk += piece
            if len(chunk) >= CHUNK:
                yield bytes(chunk)
                chunk.clear()
        yield bytes(chunk)
        if await tar.wait() != 0:
            raise SandboxStartError(f"{source} could not be read")


class Arrival:
    """A ware that is arriving on a node."""

    def __init__(self, aside: Path, program: anyio.abc.Process) -> None:
        self._aside = aside
        self._program = program

    @classmethod
    async def open(cls, aside: Path) -> "Arrival":
        """Expect the chunks of a ware, to be unpacked in a new folder."""
        await to_thread.run_sync(lambda: aside.mkdir(parents=True))
        command = ["tar", "--extract", "--no-same-owner", "--same-permissions", f"--directory={aside}"]
        quiet = subprocess.DEVNULL
        return cls(aside, await anyio.open_process(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet))

    async def take(self, chunk: bytes) -> None:
        """Unpack one more chunk."""
        assert self._program.stdin is not None
        await self._program.stdin.send(chunk)

    async def drop(self) -> None:
        """Remove what has arrived."""
        with suppress(ProcessLookupError):
            self._program.kill()
        await self._program.wait()
        await to_thread.run_sync(lambda: shutil.rmtree(self._aside, ignore_errors=True))

    async def finish(self, place: Path) -> None:
        """Put the whole in its place, unless there is one already.

        Raises:
            SandboxStartError: it could not be unpacked.
        """
        assert self._program.stdin is not None
        await self._program.stdin.aclose()
        if await self._program.wait() != 0:
            raise SandboxStartError(f"{place} could not be unpacked; is the disk full?")
        await to_thread.run_sync(_put, self._aside, place)


def _put(aside: Path, place: Path) -> None:
    aside.chmod(0o755)  # sandboxes have other users' ids
    try:
        os.rename(aside, place)
    except OSError:
        if not place.is_dir():
            raise
