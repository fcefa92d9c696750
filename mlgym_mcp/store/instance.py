"""Instances: the servers that share a data folder. Each holds a lock on its own file for as long as it lives.

The lock, not the file, says that a server lives: the kernel frees it however the server ends.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mlgym_mcp import lock
from mlgym_mcp.store.folder import unusable

ID_LENGTH = 8
"""Hexadecimal digits of an instance id."""


@dataclass(frozen=True, slots=True)
class Instance:
    """This server among those of one data folder."""

    id: str
    folder: Path
    _file: BinaryIO

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Instance"]:
        """Become an instance until the block ends.

        Raises:
            SetupError: the folder can't be written.
        """
        try:
            instance = cls._create(folder)
        except OSError as error:
            raise unusable(folder, error) from None
        try:
            yield instance
        finally:
            _path(folder, instance.id).unlink(missing_ok=True)
            instance.release()

    @classmethod
    def _create(cls, folder: Path) -> "Instance":
        while True:
            name = secrets.token_hex(ID_LENGTH // 2)
            file = open(_path(folder, name), "xb")  # noqa: SIM115 - held for the life of the server
            # Until it is locked, another may take it for one that a dead server has left, and remove it.
            if lock.try_lock(file) and _path(folder, name).exists():
                return cls(id=name, folder=folder, _file=file)
            file.close()

    def free(self, owner: str | None) -> bool:
        """Whether what this owner owned may be taken over: nobody owns it, or its server is dead."""
        if owner is None:
            return True
        if owner == self.id:
            return False
        try:
            with open(_path(self.folder, owner), "r+b") as file:
                return lock.try_lock(file)
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def alone(self) -> bool:
        """Whether no other server has this data folder open."""
        return all(self.free(path.stem) for path in self.folder.glob("*.lock") if path.stem != self.id)

    def remove_stale(self) -> None:
        """Remove the files of instances that are dead."""
        for path in self.folder.glob("*.lock"):
            if path.stem != self.id and self.free(path.stem):
                path.unlink(missing_ok=True)

    def new_sandbox_id(self) -> str:
        """A new id for a sandbox that this instance makes; whoever finds it can tell whose it was."""
        return self.id + secrets.token_hex(8)

    def made_by(self, sandbox_id: str) -> str:
        """The instance that made a sandbox."""
        return sandbox_id[:ID_LENGTH]

    def release(self) -> None:
        """Let go of the lock, as the kernel does when a server dies."""
        self._file.close()


def _path(folder: Path, name: str) -> Path:
    return folder / f"{os.path.basename(name)}.lock"
