"""What this machine offers to sandboxes, found by trying it: one probe a subject, one finding a probe."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from mlgym_mcp.errors import BackendUnavailable, SandboxError
from mlgym_mcp.sandbox import process
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.sandbox.profiles import Profile

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ENGINE_PATIENCE = 1
"""Seconds an engine has to answer before it counts as absent."""
CGROUPS = Path("/sys/fs/cgroup")

_BWRAP_TRIAL = ("--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "true")
_BWRAP_REFUSALS = {
    "No permissions to create new namespace": (
        "user namespaces are forbidden here, by the kernel's settings or by the container this runs in",
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
        return Finding("python", False, str(error), "apt-get install python3")
    return Finding("python", True, f"{found.path} is {found.version}")


async def bubblewrap() -> Finding:
    """Whether bubblewrap can make a sandbox, by making one."""
    if (path := shutil.which("bwrap")) is None:
        return Finding("bubblewrap", False, "it is not installed", "apt-get install bubblewrap")
    version = (await process.run([path, "--version"])).output.strip()
    own_users = () if os.geteuid() == 0 else ("--unshare-user",)  # root needs no user namespace
    trial = await process.run([path, *own_users, *_BWRAP_TRIAL])
    if trial.exit_code == 0:
        return Finding("bubblewrap", True, f"{version} makes sandboxes")
    return refusal(trial.output)


def refusal(output: str) -> Finding:
    """What a bubblewrap that refused has said, in words that help."""
    for message, (detail, fix) in _BWRAP_REFUSALS.items():
        if message in output:
            return Finding("bubblewrap", False, detail, fix)
    return Finding("bubblewrap", False, output.strip() or "it fails without a word")


async def docker_engine() -> Finding:
    """Whether a Docker engine answers in time."""
    try:
        async with open_engine(time_limit=ENGINE_PATIENCE) as engine:
            return Finding("docker", True, f"engine {await engine.version()} answers")
    except (BackendUnavailable, SandboxError) as error:
        return Finding("docker", False, str(error), "systemctl start docker")


async def memory_limits() -> Finding:
    """What bounds a bubblewrap sandbox's memory: cgroups where they may be written, else a watchdog."""
    return await to_thread.run_sync(_memory_limits)


def _memory_limits() -> Finding:
    if (CGROUPS / "cgroup.controllers").exists():
        version, folder = "v2", CGROUPS
    else:
        version, folder = "v1", CGROUPS / "memory"
    try:
        Path(tempfile.mkdtemp(prefix="mlgym-probe-", dir=folder)).rmdir()
    except OSError:
        detail = f"cgroup {version} can't be written: a watchdog watches memory instead, and processes are not bounded"
        return Finding("memory limits", False, detail, "run the server as root, or under systemd with Delegate=yes")
    return Finding("memory limits", True, f"cgroup {version} can be written: memory, CPU and processes are hard limits")


async def disk_quota() -> Finding:
    """What bounds a bubblewrap sandbox's disk: an image on a loop device, else a watched folder."""
    with tempfile.TemporaryDirectory(prefix="mlgym-probe-") as name:
        image, mounted = f"{name}/image", f"{name}/mounted"
        steps = (
            ["mkdir", mounted],
            ["truncate", "-s", "8M", image],
            ["mkfs.ext4", "-q", image],
            ["mount", "-o", "loop,nosuid,nodev", image, mounted],
            ["umount", mounted],
        )
        for step in steps:
            if (failure := await _failure(step)) is not None:
                detail = f"no loop mounts ({failure}): a watched folder is a soft limit instead"
                return Finding("disk quota", False, detail, "run the server as root")
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
            if await images.exists(profile):
                return Finding(subject, True, images.tag(profile))
    except (BackendUnavailable, SandboxError):
        return Finding(subject, False, "no Docker engine answers", "systemctl start docker")
    return Finding(subject, False, "not built yet", fix)


async def fashion_mnist() -> Finding:
    """Whether the full data of Fashion-MNIST lies on this machine."""
    subject = "data of Fashion-MNIST"
    if await to_thread.run_sync(lambda: len(list(FASHION_MNIST.glob("*.gz"))) >= 4):
        return Finding(subject, True, str(FASHION_MNIST))
    return Finding(
        subject, False, "not on this machine: its task runs on the sample", "apt-get install dataset-fashion-mnist"
    )


async def _failure(command: list[str]) -> str | None:
    """Why a command failed; None when it did not."""
    try:
        ended = await process.run(command)
    except OSError as error:
        return str(error)
    return None if ended.exit_code == 0 else f"{command[0]}: {ended.output.strip()}"
