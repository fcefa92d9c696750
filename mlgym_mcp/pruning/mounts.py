"""Mounts: which files of this machine any process has mounted. A sandbox's are in a namespace that only it shows."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROCESSES = Path("/proc")
OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A folder or file of a file system, and where it is mounted."""

    device: str
    source: Path
    """Within the file system."""
    point: Path


@dataclass(frozen=True, slots=True)
class Mounts:
    """What was mounted at one time, as far as this user may know."""

    own: list[Mount]
    """As this process sees it."""
    sources: set[tuple[str, Path]]
    """As any process does."""

    @classmethod
    def now(cls) -> "Mounts":
        """Look; nothing is found where there is no /proc."""
        spaces = {_space(process): process for process in PROCESSES.glob("[0-9]*")}
        mounts = [mount for process in spaces.values() for table in _read(process) for mount in _parsed(table)]
        own = [mount for table in _read(PROCESSES / "self") for mount in _parsed(table)]
        return cls(own, {(mount.device, mount.source) for mount in mounts})

    def hold(self, path: Path) -> bool:
        """Whether the path, or something below it, is mounted anywhere, or has something mounted on it."""
        path = path.resolve()
        if any(mount.point.is_relative_to(path) for mount in self.own):
            return True
        above = [mount for mount in self.own if path.is_relative_to(mount.point)]
        if not above:
            return False
        nearest = max(above, key=lambda mount: len(mount.point.parts))
        inner = nearest.source / path.relative_to(nearest.point)
        return any(device == nearest.device and source.is_relative_to(inner) for device, source in self.sources)


def _space(process: Path) -> str:
    """The mount namespace of a process; a name of its own where that can't be seen."""
    try:
        return os.readlink(process / "ns/mnt")
    except OSError:
        return process.name


def _read(process: Path) -> list[str]:
    try:
        return [(process / "mountinfo").read_text(errors="surrogateescape")]
    except OSError:  # it has ended, or is another user's
        return []


def _parsed(table: str) -> list[Mount]:
    """The mounts of a /proc/PID/mountinfo."""
    lines = [line.split(" ") for line in table.splitlines()]
    return [Mount(fields[2], Path(_plain(fields[3])), Path(_plain(fields[4]))) for fields in lines]


def _plain(path: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), path).removesuffix("//deleted")
