"""What this machine has for sandboxes, as far as the control groups that the server itself is in let it have that."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlgym_mcp.sandbox.cgroups import ROOT

OWN_GROUPS = Path("/proc/self/cgroup")
MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def in_container() -> bool:
    """Whether this process runs in a container, as far as Docker and Podman tell those inside."""
    return any(map(Path.exists, MARKS))


def memory() -> int:
    """Bytes of memory."""
    limits = [*_read("memory", "memory.max"), *_read("memory", "memory.limit_in_bytes")]
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *(int(limit) for limit in limits if limit.isdigit())])


def cpus() -> float:
    """CPUs, perhaps not whole ones."""
    unified = [limit.split() for limit in _read("cpu", "cpu.max")]
    quotas = [*unified, *zip(_read("cpu", "cpu.cfs_quota_us"), _read("cpu", "cpu.cfs_period_us"), strict=True)]
    shares = [int(quota) / int(period) for quota, period in quotas if quota.isdigit()]
    return min([float(os.cpu_count() or 1), *shares])


def _read(controller: str, file: str) -> list[str]:
    """What the file says in each of the server's own groups and of those around them."""
    found = []
    for group in _groups(controller):
        with suppress(OSError):
            found.append((group / file).read_text().strip())
    return found


def _groups(controller: str) -> Iterator[Path]:
    with suppress(OSError):
        for line in OWN_GROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or controller in controllers.split(","):
                top = ROOT / controller if controllers else ROOT
                group = top / path.lstrip("/")
                yield from (one for one in (group, *group.parents) if one.is_relative_to(top))
