"""Claims on GPUs: what keeps servers of different data folders from lending the same device.

A claim is the lock of a file that all servers of the machine know. It goes with the server that holds it, so that
nobody has to clear up after one that was killed.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import structlog

from mlgym_mcp import lock

PLACE = Path(tempfile.gettempdir(), "mlgym-mcp-gpus")
"""One for all users of the machine; the lock needs no right to write."""

log = structlog.get_logger(__name__)


class GpuClaims:
    """The devices that this server has claimed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, BinaryIO] = {}

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["GpuClaims"]:
        """The claims of one server, which end with the block."""
        claims = cls(folder)
        try:
            yield claims
        finally:
            for device in list(claims._held):
                claims.give(device)

    def take(self, device: str) -> bool:
        """Claim a device; False when another server of this machine has it."""
        if device in self._held:
            return True
        try:
            file = self._open(device)
        except OSError as error:
            log.warning("gpu_not_claimed", gpu=device, reason=str(error))
            return True  # the look at the device itself has to do
        if not lock.try_lock(file):
            file.close()
            return False
        self._held[device] = file
        return True

    def give(self, device: str) -> None:
        """Let others have it."""
        if file := self._held.pop(device, None):
            file.close()

    def _open(self, device: str) -> BinaryIO:
        with suppress(FileExistsError):
            self._folder.mkdir()
            self._folder.chmod(0o1777)
        path = self._folder / f"{os.path.basename(device)}.lock"
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o644))
        return open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
