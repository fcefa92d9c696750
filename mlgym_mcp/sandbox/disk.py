"""Disks of a fixed size: ext4 in a sparse file. A quota that holds, where the server is root."""

import os
import tempfile
from pathlib import Path

import anyio
import structlog

from mlgym_mcp.errors import SandboxError, SandboxStartError
from mlgym_mcp.sandbox import process

OPTIONS = "nosuid,nodev,discard"
"""`discard` gives the space of deleted files back to the host's file system."""
LOOP_CONTROL = Path("/dev/loop-control")
TRIAL_SIZE = 8 * 1024 * 1024

log = structlog.get_logger()


class Disks:
    """Whether this server can mount disks: found out once, when it is first asked."""

    def __init__(self, *, work: bool | None = None) -> None:
        """`work` is given where it is known already."""
        self._trying = anyio.Lock()
        self._work = work

    async def work(self) -> bool:
        """Whether `make` and `mount` do what they say here."""
        async with self._trying:
            if self._work is None:
                if (why := await failure()) is not None:
                    log.warning("disk_watched_only", reason=why)
                self._work = why is None
        return self._work


async def failure() -> str | None:
    """Why this server can't mount disks, found by mounting one where nobody else sees it; None when it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    if not await anyio.Path(LOOP_CONTROL).exists():
        return "there are no loop devices"
    with tempfile.TemporaryDirectory(prefix="mlgym-disk-") as folder:
        image = Path(folder, "image")
        try:
            await make(image, TRIAL_SIZE)
            private = ("unshare", "--mount", "--propagation", "private", "--")
            await _run(*private, "mount", "-o", f"loop,{OPTIONS}", str(image), folder)
        except (OSError, SandboxStartError) as error:
            return str(error)
    return None


async def make(image: Path, size: int) -> None:
    """Make a disk of `size` bytes, all told; about 95 % of it can be used.

    Raises:
        SandboxStartError: it could not be made.
    """
    with image.open("xb") as file:
        file.truncate(size)
    lazy = "lazy_itable_init=1,nodiscard"
    await _run("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", lazy, str(image))


async def mount(image: Path, folder: Path) -> None:
    """Mount a disk where other processes of the host, such as a Docker engine, see it.

    Raises:
        SandboxStartError: it could not be mounted.
    """
    await anyio.Path(folder).mkdir(mode=0o755)
    await _run("mount", "-o", f"loop,{OPTIONS}", str(image), str(folder))


async def unmount(folder: Path) -> None:
    """Unmount a disk; its loop device goes away with it. A no-op where nothing is mounted.

    Raises:
        SandboxError: it is still mounted.
    """
    if not await anyio.Path(folder).is_mount():
        return
    ended = await process.run(["umount", "--lazy", str(folder)])
    if await anyio.Path(folder).is_mount():
        raise SandboxError(f"{folder} could not be unmounted: {ended.output}")


async def _run(*command: str) -> None:
    ended = await process.run(command)
    if ended.exit_code != 0:
        raise SandboxStartError(f"{command[0]} failed: {ended.output}")
