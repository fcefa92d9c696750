"""What `mlgym-mcp doctor` says: which sandboxes work on this machine, and the command that mends what does not."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread
from rich.markup import escape
from rich.table import Table

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox import machine, probes, profiles
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.nvml import open_inventory
from mlgym_mcp.sandbox.probes import Finding
from mlgym_mcp.sessions.amounts import Amounts
from mlgym_mcp.settings import Settings

NEEDED = {"bubblewrap": ("python", "bubblewrap"), "docker": ("docker",), "ray": ("ray",)}
"""Backend, as `--sandbox` names it → the subjects of what it takes."""

Probe = Callable[[], Awaitable[Finding]]


async def findings(settings: Settings) -> list[Finding]:
    """Everything there is to find, in the order in which a reader wants it; the probes run at the same time."""
    chosen: list[Probe] = [
        *_of_cluster(settings),
        probes.interpreter,
        probes.bubblewrap,
        partial(probes.docker_engine, settings.docker_runtime),
        probes.memory_limits,
        probes.disk_quota,
        *([] if settings.sandbox == "ray" else [partial(_capacity, settings)]),
        probes.gpus,
        *await _of_profiles(settings.cache_dir),
        probes.fashion_mnist,
    ]
    found = await _asked(chosen)
    engine = next(finding.ok for finding in found if finding.subject == "docker")
    return [finding for finding in found if engine or not finding.subject.startswith("image ")]


async def sandboxes(settings: Settings) -> list[Finding]:
    """What sandboxes can be made of, in short."""
    docker = partial(probes.docker_engine, settings.docker_runtime)
    return await _asked([*_of_cluster(settings), probes.interpreter, probes.bubblewrap, docker])


def able(found: list[Finding]) -> bool:
    """Whether at least one backend can make sandboxes."""
    return bool(backends(found))


def backends(found: list[Finding]) -> list[str]:
    """The backends that can make sandboxes, as `--sandbox` names them."""
    works = {finding.subject for finding in found if finding.ok}
    return [backend for backend, parts in NEEDED.items() if works.issuperset(parts)]


def _of_cluster(settings: Settings) -> list[Probe]:
    """The probe of the cluster, where the server is to use one."""
    if settings.sandbox != "ray":
        return []
    from mlgym_mcp.sandbox.cluster import probe

    return [partial(probe, settings.ray_address)]


async def _asked(chosen: list[Probe]) -> list[Finding]:
    found: dict[int, Finding] = {}

    async def look(place: int, probe: Probe) -> None:
        found[place] = await probe()

    async with anyio.create_task_group() as group:
        for place, probe in enumerate(chosen):
            group.start_soon(look, place, probe)
    return [found[place] for place in range(len(chosen))]


def table(found: list[Finding]) -> Table:
    """The findings for a terminal."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("")
    rows.add_column("subject", no_wrap=True)
    rows.add_column("finding", overflow="fold")
    rows.add_column("to mend it", overflow="fold")
    for finding in found:
        mark = "[green]✓[/]" if finding.ok else "[yellow]✗[/]"
        rows.add_row(mark, finding.subject, escape(finding.detail), escape(finding.fix or ""))
    return rows


async def _capacity(settings: Settings) -> Finding:
    """What all sandboxes together may use, and what there is."""
    total = Amounts(settings.max_sessions, settings.max_memory, settings.max_cpus)
    there = Amounts(memory=machine.memory(), cpus=machine.cpus())
    return Finding("capacity", True, f"{total} for sessions; this machine has {there}")


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
