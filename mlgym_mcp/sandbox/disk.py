"""Disks of a fixed size: ext4 in a sparse file. A quota that holds, where the server is root."""

from pathlib import Path

import anyio

from mlgym_mcp.errors import SandboxStartError
from mlgym_mcp.sandbox import process

OPTIONS = "nosuid,nodev,discard"
"""`discard` gives the space of deleted files back to the host's file system."""


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
    """Unmount a disk; its loop device goes away with it. A no-op where nothing is mounted."""
    if await anyio.Path(folder).is_mount():
        await process.run(["umount", "--lazy", str(folder)])


async def _run(*command: str) -> None:
    ended = await process.run(command)
    if ended.exit_code != 0:
        raise SandboxStartError(f"{command[0]} failed: {ended.output}")
