"""What this machine offers to sandboxes, found by trying it: one probe a subject, one finding a probe."""

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from mlgym_mcp.errors import BackendUnavailable, SandboxError
from mlgym_mcp.sandbox import disk, launch, machine, process
from mlgym_mcp.sandbox.base import GIB, Limits
from mlgym_mcp.sandbox.cgroups import Cgroups
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.sandbox.profiles import Profile

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ENGINE_PATIENCE = 1
"""Seconds an engine has to answer before it counts as absent."""
OLDEST_BWRAP = (0, 8)

CONTAINED = (
    "the container that this runs in may not make namespaces",
    "docker run --privileged …, or Docker sandboxes beside it, as docker/compose.yaml makes them",
)
_CONTAINER_REFUSALS = ("No permissions to create new namespace", "Operation not permitted")
_BWRAP_REFUSALS = {
    "No permissions to create new namespace": (
        "user namespaces are forbidden by the kernel's settings",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    "Creating new namespace failed": (
        "this machine has run out of namespaces",
        "sysctl -w user.max_user_namespaces=15000",
    ),
    "setting up uid map: Permission denied": (
        "AppArmor forbids user namespaces to programs without a profile",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    subject: str
    ok: bool
    detail: str
    fix: str | None = None
    """The command that mends it, when there is one."""


async def interpreter() -> Finding:
    """The Python that sandboxes and environments use."""
    try:
        found = await find_interpreter()
    except BackendUnavailable as error:
        return Finding("python", False, error.detail, error.fix)
    return Finding("python", True, f"{found.path} is {found.version}")


async def bubblewrap() -> Finding:
    """Whether bubblewrap can make a sandbox, by making one."""
    if sys.platform != "linux":
        return Finding("bubblewrap", False, "it makes sandboxes on Linux alone: here they are Docker's")
    try:
        version = (await process.run([launch.BWRAP, "--version"])).output.strip()
    except OSError:
        return Finding("bubblewrap", False, f"it is not at {launch.BWRAP}", "apt-get install bubblewrap")
    if not new_enough(version):
        return Finding("bubblewrap", False, f"{version} is too old: 0.8 has what is needed")
    with tempfile.TemporaryDirectory(prefix="mlgym-probe-") as folder:
        await anyio.Path(folder).chmod(0o755)  # the trial's uid passes through it
        try:
            trial = await process.run(launch.trial(Path(folder)))
        except OSError as error:
            return refusal(str(error))
    if trial.exit_code == 0:
        return Finding("bubblewrap", True, f"{version} makes sandboxes")
    return refusal(trial.output, contained=machine.in_container())


def new_enough(version: str) -> bool:
    """Whether this output of `bwrap --version` names a version that has what is needed."""
    numbers = re.search(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST_BWRAP


def refusal(output: str, *, contained: bool = False) -> Finding:
    """What a bubblewrap that refused has said, in words that help."""
    if contained and any(message in output for message in _CONTAINER_REFUSALS):
        return Finding("bubblewrap", False, *CONTAINED)
    for message, (detail, fix) in _BWRAP_REFUSALS.items():
        if message in output:
            return Finding("bubblewrap", False, detail, fix)
    return Finding("bubblewrap", False, output.strip() or "it fails without a word")


async def docker_engine(runtime: str | None) -> Finding:
    """Whether a Docker engine answers in time, and has the OCI runtime that is set."""
    try:
        async with open_engine(time_limit=ENGINE_PATIENCE, runtime=runtime) as engine:
            under = (await engine.facts()).runtime
            return Finding("docker", True, f"engine {await engine.version()} answers, containers run under {under}")
    except BackendUnavailable as error:
        return Finding("docker", False, error.detail, error.fix)
    except SandboxError as error:
        return Finding("docker", False, str(error))


async def memory_limits() -> Finding:
    """What bounds a bubblewrap sandbox's memory: cgroups where the server can make them, else the guest."""
    return await to_thread.run_sync(_memory_limits)


def _memory_limits() -> Finding:
    instead = "the guest watches memory instead, a user namespace counts processes (Linux 5.14), nothing limits CPU"
    if os.geteuid() != 0:
        detail = f"only a server that is root puts sandboxes into cgroups: {instead}"
        return Finding("memory limits", False, detail, "run the server as root")
    if (groups := Cgroups.detect()) is None:
        return Finding("memory limits", False, f"cgroups can't be written here: {instead}")
    name = f"probe-{os.getpid()}"
    try:
        groups.create(name, Limits())
        groups.remove(name)
    except OSError as error:
        return Finding("memory limits", False, f"cgroups can't be made here ({error}): {instead}")
    return Finding("memory limits", True, f"cgroup v{groups.version}: memory, CPU and processes are hard limits")


async def disk_quota() -> Finding:
    """What bounds a sandbox's disk: an image on a loop device, else a watched folder."""
    if (why := await disk.failure()) is not None:
        fix = None if os.geteuid() == 0 else "run the server as root"
        return Finding("disk quota", False, f"no loop mounts ({why}): the guest watches a folder instead", fix)
    return Finding("disk quota", True, "loop mounts work: disk is a hard limit")


async def environment(environments: Environments, profile: Profile) -> Finding:
    """Whether bubblewrap's environment of a profile is ready."""
    subject = f"environment {profile.name}"
    if (ready := await to_thread.run_sync(environments.prepared, profile)) is None:
        return Finding(
            subject, False, "not made yet; the first session makes it", f"mlgym-mcp env prepare {profile.name}"
        )
    return Finding(subject, True, f"{ready.folder or 'the bare interpreter'}, Python {ready.python}")


async def image(profile: Profile) -> Finding:
    """Whether Docker's image of a profile is there."""
    subject, fix = f"image {profile.name}", f"mlgym-mcp images build {profile.name}"
    try:
        async with open_engine(time_limit=ENGINE_PATIENCE) as engine:
            images = Images(engine)
            if await images.find(profile):
                return Finding(subject, True, images.tag(profile))
    except (BackendUnavailable, SandboxError):
        return Finding(subject, False, "no Docker engine answers")
    return Finding(subject, False, "not built yet", fix)


async def gpus() -> Finding:
    """Which GPUs sessions could be lent."""
    from mlgym_mcp.sandbox.nvml import open_inventory

    devices = await to_thread.run_sync(lambda: open_inventory().devices())
    if not devices:
        return Finding("GPUs", True, "none that an NVIDIA driver tells of: sessions do without")
    return Finding("GPUs", True, ", ".join(f"{gpu.index}: {gpu.name}, {gpu.memory / GIB:.0f} GiB" for gpu in devices))


async def fashion_mnist() -> Finding:
    """Whether the full data of Fashion-MNIST lies on this machine."""
    subject = "data of Fashion-MNIST"
    if await to_thread.run_sync(lambda: len(list(FASHION_MNIST.glob("*.gz"))) >= 4):
        return Finding(subject, True, str(FASHION_MNIST))
    return Finding(
        subject, False, "not on this machine: its task runs on the sample", "apt-get install dataset-fashion-mnist"
    )
