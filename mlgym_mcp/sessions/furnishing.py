"""Furnishing: what a session finds in a fresh sandbox."""

from anyio import to_thread

from mlgym_mcp.errors import StoreError
from mlgym_mcp.sandbox.guest import Carried, Guest
from mlgym_mcp.sandbox.pieces import pieces
from mlgym_mcp.sandbox.workspace import lay_out_workspace
from mlgym_mcp.store import Checkpoint, Store
from mlgym_mcp.tasks.spec import TaskSpec


async def furnish_with_starter(guest: Guest, task: TaskSpec) -> None:
    """Put the task's starter files into the workspace."""
    for place, path in task.starter_files().items():
        mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
        await guest.write(place, await to_thread.run_sync(path.read_bytes), mode=mode)


async def furnish_from(guest: Guest, checkpoint: Checkpoint, store: Store) -> None:
    """Make workspace and shell what they were at a checkpoint.

    Raises:
        StoreError: its archive is gone from the data folder.
        SandboxError: it could not be laid out.
    """
    archive = store.workspaces.get(checkpoint.archive)
    if archive is None:
        raise StoreError(f"the archive {checkpoint.archive} of a checkpoint is gone from the data folder")
    await lay_out_workspace(guest, pieces(archive.path))
    await guest.carry(Carried(checkpoint.cwd, checkpoint.exports))
