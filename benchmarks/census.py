"""The census of a server: everything that it could fail to let go of, counted from outside once a minute."""

import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from containers import engine_says
from kernel import PROC, mounts, pss, with_descendants
from measuring import MIB
from serving import Place, Served, connected

CGROUPS = Path("/sys/fs/cgroup")
LOOPS = Path("/sys/block")
FOLDERS = ("artefacts", "workspaces", "sandboxes", "instances", "prepared")
FILES = {"mlgym.sqlite": "database", "audit.log": "audit log"}
"""The parts of a data folder; what else there is counts as other."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through one figure's samples, by least squares. Growth an hour, in the figure's unit."""

    mean: float
    growth: float
    error: float
    """Standard error of the growth."""

    @property
    def flat(self) -> bool:
        """Whether it grows by no more than a twentieth of itself an hour, as far as the samples can tell."""
        return self.growth - 2 * self.error <= max(self.mean, 1) / 20


@dataclass(slots=True)
class Census:
    """The counts of one server."""

    at: Place
    server: Served
    backend: str
    counts: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    """Each with its time in seconds."""

    async def every(self, seconds: float) -> None:
        """Count, again and again, until cancelled."""
        while True:
            await anyio.sleep(seconds)
            self.counts.append((time.monotonic(), await self.count()))
            told = ", ".join(f"{name} {figure:.4g}" for name, figure in self.counts[-1][1].items())
            print(f"{time.strftime('%H:%M:%S')} {told}", file=sys.stderr, flush=True)

    async def count(self) -> dict[str, float]:
        """What there is now. Memory in MB, disk in MB."""
        process = PROC / str(self.server.pid)
        async with connected(self.server.url) as client:
            vitals = (await client.call("vitals"))["structuredContent"]
        return {
            "RSS, MB": _status(process, "VmRSS") / 1024,
            "PSS, MB": pss(process) / MIB,
            "Python's blocks": vitals["blocks"],
            "malloced, MB": vitals["malloced"] / MIB,
            "SQLite's memory, MB": vitals["sqlite"] / MIB,
            "descriptors": len(os.listdir(process / "fd")),
            "threads": _status(process, "Threads"),
            "tasks": vitals["tasks"],
            "processes": len(with_descendants({self.server.pid})),
            "sandboxes": len(self.at.sandboxes),
            "containers": await self._containers(),
            "mounts": mounts(self.at.folder),
            "cgroups": self._cgroups(),
            "loop devices": self._loops(),
        } | self.disk()

    async def tasks(self) -> str:
        """What the server's tasks are."""
        async with connected(self.server.url) as client:
            names = (await client.call("vitals"))["structuredContent"]["names"]
        return ", ".join(f"{count} × {name}" for name, count in Counter(names).most_common())

    def disk(self) -> dict[str, float]:
        """What each part of the data folder holds, in MB as the disk counts them, and how many files it has."""
        parts: Mapping[str, list[os.stat_result]] = {name: [] for name in (*FILES.values(), *FOLDERS, "other")}
        for top, folders, files in os.walk(self.at.folder):
            if Path(top) == self.at.folder:
                folders.remove("tasks")
            for name in files:
                path = Path(top, name)
                found = _stat(path)
                if found is not None:
                    parts[self._part(path)].append(found)
        sizes = {f"{name}, MB": sum(one.st_blocks for one in found) * 512 / MIB for name, found in parts.items()}
        return sizes | {"instance files": len(parts["instances"]), "other files": len(parts["other"])}

    def trend(self, name: str) -> Trend:
        """How a figure went."""
        began = self.counts[0][0]
        hours = [(at - began) / 3600 for at, _ in self.counts]
        figures = [count[name] for _, count in self.counts]
        line = statistics.linear_regression(hours, figures)
        misses = sum((line.slope * x + line.intercept - y) ** 2 for x, y in zip(hours, figures, strict=True))
        spread = sum((x - statistics.fmean(hours)) ** 2 for x in hours)
        error = (misses / max(1, len(hours) - 2) / spread) ** 0.5
        return Trend(statistics.fmean(figures), line.slope, error)

    def _part(self, path: Path) -> str:
        top = path.relative_to(self.at.folder).parts[0]
        files = (part for start, part in FILES.items() if top.startswith(start))
        return next(files, top if top in FOLDERS else "other")

    def _instances(self) -> list[str]:
        return [path.stem for path in (self.at.folder / "instances").glob("*.lock")]

    async def _containers(self) -> int:
        if self.backend != "docker":
            return 0
        names = (await engine_says("ps", "-a", "--format", "{{.Names}}")).splitlines()
        return sum(one in name for name in names for one in self._instances())

    def _cgroups(self) -> int:
        found = [*CGROUPS.glob("mlgym-mcp/*"), *CGROUPS.glob("*/mlgym-mcp/*"), *CGROUPS.glob("*/docker/*")]
        return sum(path.is_dir() and path.name.startswith(one) for path in found for one in self._instances())

    def _loops(self) -> int:
        return sum(
            str(self.at.folder) in path.read_text(errors="replace") for path in LOOPS.glob("loop*/loop/backing_file")
        )


def _status(process: Path, name: str) -> float:
    lines = (process / "status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # it is gone already, or belongs to a sandbox
        return None
