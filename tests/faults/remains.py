"""What is left of the servers of a data folder: on its disk, and in the kernel."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from mlgym_mcp.store import Store
from tests.sandbox.boxes import until

DOCKER = "unix:///var/run/docker.sock"
"""The address of the machine's own engine."""


async def nothing_remains(data: Path, *, engine: str | None = None) -> None:
    """Make sure of that, also in the Docker engine at an address."""
    with suppress(TimeoutError):
        await until(lambda: not remains(data, engine), within=5)  # a loop device goes shortly after its last user
    assert remains(data, engine) == []


def remains(data: Path, engine: str | None) -> list[str]:
    """All that should not be there once every session is over and every server has ended."""
    with Store.open(data) as store:
        makers = {str(row["id"]) for row in store.database.rows("SELECT id FROM instances")}
        live = [f"a live session: {row}" for row in store.sessions.live()]
        leases = [f"a GPU lease: {lease}" for lease in store.gpu_leases.all()]
        own = store.instance.id
    left = live + leases + _files(data, own) + _groups(makers) + _mounts(makers) + _processes(data, makers)
    return left + (_in_engine(engine, makers) if engine else [])


def _files(data: Path, own: str) -> list[str]:
    places = ("sandboxes/*", "egress/*", "instances/*", ".*.part", "*/.*.part", "prepared/*/*.*")
    found = [str(path) for place in places for path in data.glob(place)]
    return [path for path in found if own not in path and not path.endswith(("-shm", "-wal")) and not _kept(path)]


def _kept(path: str) -> bool:
    return "/prepared/" in path and path.endswith(".lock")


def _groups(makers: set[str]) -> list[str]:
    top = Path("/sys/fs/cgroup")
    return [str(path) for place in ("mlgym-mcp/*", "*/mlgym-mcp/*") for path in top.glob(place) if _of(path, makers)]


def _of(path: Path, makers: set[str]) -> bool:
    return path.name[:8] in makers


def _tells(text: str, makers: set[str]) -> bool:
    return any(f"-{maker}" in text for maker in makers)


def _mounts(makers: set[str]) -> list[str]:
    found = [line for line in Path("/proc/mounts").read_text().splitlines() if _tells(line, makers)]
    if os.geteuid() == 0:
        loops = subprocess.run(["/usr/sbin/losetup", "--all"], capture_output=True, text=True, check=True).stdout
        found += [line for line in loops.splitlines() if _tells(line, makers)]
    return found


def _processes(data: Path, makers: set[str]) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{data}/" in words or _tells(words, makers):
            found.append(f"process {process.name}: {words!r}")
    return found


def _in_engine(engine: str, makers: set[str]) -> list[str]:
    docker = ["docker", "--host", engine]
    lists = (["ps", "--all", "--format", "{{.Names}}"], ["volume", "ls", "--quiet"], ["network", "ls"])
    shown = [subprocess.run([*docker, *words], capture_output=True, text=True, check=True).stdout for words in lists]
    return [line for text in shown for line in text.splitlines() if _tells(line, makers)]
