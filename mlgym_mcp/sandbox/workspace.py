"""A whole workspace as one archive: made by `tar` in its sandbox, and laid out by `tar` in another.

Links, modes and times are kept. The host never looks into the archive, which an agent's files are in.
"""

from collections.abc import AsyncIterable, AsyncIterator

from mlgym_mcp.errors import CommandRefused, SandboxError
from mlgym_mcp.sandbox.base import WORKSPACE
from mlgym_mcp.sandbox.channel import Channel
from mlgym_mcp.sandbox.frames import plain_text
from mlgym_mcp.sandbox.guest import Guest

PACK = ("/usr/bin/tar", "--create", "--sparse", "--sort=name", "--directory", WORKSPACE, ".")
LAY_OUT = ("/usr/bin/tar", "--extract", "--preserve-permissions", "--directory", WORKSPACE)
CHANGED = 1
"""tar's exit code when a file changed while it was read."""
END_GRACE = 60.0
"""Seconds in which tar may write what it was given."""
LONGEST_COMPLAINT = 500


async def pack_workspace(guest: Guest, *, max_size: int) -> AsyncIterator[bytes]:
    """All that lies in the workspace, as it is now, in chunks; files that change meanwhile come as they were read.

    Raises:
        CommandRefused: something in it can't be read, or the archive has more than `max_size` bytes.
    """
    tar = await guest.spawn(PACK)
    size = 0
    while chunk := await tar.receive():
        size += len(chunk)
        if size > max_size:
            await tar.close()
            raise CommandRefused(f"the workspace has more than {max_size} bytes; remove what is not needed")
        yield chunk
    await _require_success(tar, "packed", CHANGED)


async def lay_out_workspace(guest: Guest, archive: AsyncIterable[bytes]) -> None:
    """Lay an archive out in a workspace that is empty yet.

    Raises:
        SandboxError: that did not work.
    """
    tar = await guest.spawn(LAY_OUT)
    async for chunk in archive:
        await tar.send(chunk)
    try:
        await _require_success(tar, "laid out", 0)
    except CommandRefused as error:
        raise SandboxError(str(error)) from None


async def _require_success(tar: Channel, done: str, highest: int) -> None:
    end = await tar.close(grace=END_GRACE)
    if not 0 <= end.exit_code <= highest:
        complaint = plain_text(end.stderr.decode(errors="replace").strip(), LONGEST_COMPLAINT)
        raise CommandRefused(f"the workspace can't be {done}: {complaint or f'exit code {end.exit_code}'}")
