"""What `mlgym-mcp doctor` says: which sandboxes work on this machine, and the command that mends what does not."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread
from rich.table import Table

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox import probes, profiles
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.nvml import open_inventory
from mlgym_mcp.sandbox.probes import Finding

Probe = Callable[[], Awaitable[Finding]]


async def findings(cache_dir: Path) -> list[Finding]:
    """Everything there is to find, in the order in which a reader wants it; the probes run at the same time."""
    chosen = [
        probes.interpreter,
        probes.bubblewrap,
        probes.docker_engine,
        probes.memory_limits,
        probes.disk_quota,
        probes.gpus,
        *await _of_profiles(cache_dir),
        probes.fashion_mnist,
    ]
    found: dict[int, Finding] = {}

    async def look(place: int, probe: Probe) -> None:
        found[place] = await probe()

    async with anyio.create_task_group() as group:
        for place, probe in enumerate(chosen):
            group.start_soon(look, place, probe)
    return [found[place] for place in range(len(chosen))]


def able(found: list[Finding]) -> bool:
    """Whether at least one backend can make sandboxes."""
    works = {finding.subject for finding in found if finding.ok}
    return {"python", "bubblewrap"} <= works or "docker" in works


def table(found: list[Finding]) -> Table:
    """The findings for a terminal."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("")
    rows.add_column("subject", no_wrap=True)
    rows.add_column("finding", overflow="fold")
    rows.add_column("to mend it", overflow="fold")
    for finding in found:
        mark = "[green]✓[/]" if finding.ok else "[yellow]✗[/]"
        rows.add_row(mark, finding.subject, finding.detail, finding.fix or "")
    return rows


async def _of_profiles(cache_dir: Path) -> list[Probe]:
    """A probe for the image of each profile that is of use here and, where there is an interpreter, the environment."""
    gpus = await to_thread.run_sync(lambda: open_inventory().devices())
    shipped = [profiles.load(name) for name in profiles.names(cuda=bool(gpus))]
    images: list[Probe] = [partial(probes.image, profile) for profile in shipped]
    try:
        environments = Environments(cache_dir, await find_interpreter())
    except BackendUnavailable:
        return images
    return [*(partial(probes.environment, environments, profile) for profile in shipped), *images]
