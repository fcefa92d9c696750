"""Control groups: memory, processes and CPU of a sandbox, limited by the kernel. Version 1 or 2, where writable."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.sandbox.base import Limits, Mount, Usage

ROOT = Path("/sys/fs/cgroup")
FOLDER = "mlgym-mcp"
PERIOD = 100_000
"""Microseconds over which the CPU quota is counted."""
MEMORY_KILLS = {
    1: ("memory", "/sys/fs/cgroup/memory/memory.oom_control"),
    2: ("unified", "/sys/fs/cgroup/memory.events"),
}
"""By version: what counts the processes that a full memory has cost, and where a guest looks for the count."""


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The controllers that can be used here, each with the folder in which a sandbox's group is made."""

    version: int
    controllers: Mapping[str, Path]

    @classmethod
    def detect(cls, root: Path = ROOT) -> "Cgroups | None":
        """What this machine lets us use; None when memory can't be limited. Only root's sandboxes enter groups."""
        if os.geteuid() != 0:
            return None
        if _writable(root / "memory") and _writable(root / "pids"):
            names = [name for name in ("memory", "pids", "cpu", "cpuacct") if _writable(root / name)]
            return cls(1, {name: root / name / FOLDER for name in names})
        with suppress(OSError):
            if "memory" in (root / "cgroup.controllers").read_text().split() and _writable(root):
                return cls(2, {"unified": root / FOLDER})
        return None

    def create(self, name: str, limits: Limits) -> list[Path]:
        """Make a sandbox's groups; the files that its first process writes its id to.

        Raises:
            OSError: they can't be made, though the folders can be written: the controllers of version 2 are out of
                reach where processes lie in the group at the top, as in most containers. Nothing is left then.
        """
        try:
            return self._create(name, limits)
        except OSError:
            self.remove(name)
            raise

    def _create(self, name: str, limits: Limits) -> list[Path]:
        folders = [parent / name for parent in self.controllers.values()]
        for parent in self.controllers.values():
            parent.mkdir(exist_ok=True)
        if self.version == 2:
            for parent in (self.controllers["unified"].parent, self.controllers["unified"]):
                (parent / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        for folder in folders:
            folder.mkdir(exist_ok=True)
            for file, value in _settings(self.version, limits).items():
                with suppress(FileNotFoundError, PermissionError):
                    if (folder / file).exists():
                        (folder / file).write_text(value)
        return [folder / "cgroup.procs" for folder in folders]

    def usage(self, name: str) -> Usage:
        """What a sandbox uses now, as the kernel counts it."""
        if self.version == 2:
            folder = self.controllers["unified"] / name
            return Usage(_number(folder / "memory.current"), _usage_usec(folder), _number(folder / "pids.current"))
        memory = _number(self.controllers["memory"] / name / "memory.usage_in_bytes")
        cpu = _number(self.controllers["cpuacct"] / name / "cpuacct.usage") if "cpuacct" in self.controllers else None
        return Usage(
            memory, None if cpu is None else cpu / 1e9, _number(self.controllers["pids"] / name / "pids.current")
        )

    def memory_kills(self, name: str) -> Mount:
        """The file that tells a sandbox's guest how many processes were killed because its memory was full."""
        controller, target = MEMORY_KILLS[self.version]
        return Mount(self.controllers[controller] / name / Path(target).name, target)

    def kill(self, name: str) -> None:
        """Kill all processes of a sandbox."""
        folder = self.controllers.get("memory") or self.controllers["unified"]
        with suppress(FileNotFoundError):
            for process in (folder / name / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)

    def remove(self, name: str) -> None:
        """Remove a sandbox's groups; they must be empty of processes."""
        for parent in self.controllers.values():
            with suppress(FileNotFoundError):
                os.rmdir(parent / name)


def _settings(version: int, limits: Limits) -> Mapping[str, str]:
    quota = int(limits.cpus * PERIOD)
    if version == 2:
        return {
            "memory.max": str(limits.memory),
            "memory.swap.max": "0",
            "pids.max": str(limits.processes),
            "cpu.max": f"{quota} {PERIOD}",
            "cpu.weight": str(max(1, round(100 * limits.cpu_weight))),
        }
    return {
        "memory.limit_in_bytes": str(limits.memory),
        "memory.memsw.limit_in_bytes": str(limits.memory),
        "pids.max": str(limits.processes),
        "cpu.cfs_period_us": str(PERIOD),
        "cpu.cfs_quota_us": str(quota),
        "cpu.shares": str(limits.cpu_shares),
    }


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_RDONLY


def _number(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return None


def _usage_usec(folder: Path) -> float | None:
    with suppress(OSError, ValueError, IndexError):
        return int((folder / "cpu.stat").read_text().split()[1]) / 1e6
    return None
