"""The lives of sandboxes: started whole or not at all; some for the length of a `with` block."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import structlog

from mlgym_mcp.errors import SandboxError, SandboxStartError
from mlgym_mcp.sandbox.base import Backend, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest

REMOVE_GRACE = 15.0
"""Seconds that removing a sandbox may take when the block is left; the next sweep removes what is left then."""

log = structlog.get_logger()


@asynccontextmanager
async def open_sandbox(backend: Backend, spec: SandboxSpec) -> AsyncIterator[Guest]:
    """Start a sandbox, give its guest, and remove it whatever happens.

    Raises:
        SandboxStartError: it could not be started.
    """
    await backend.start(spec)
    try:
        try:
            async with anyio.create_task_group() as task_group:
                guest = Guest(task_group, backend, spec.id, spec.token)
                yield guest
                await guest.aclose()
        except BaseExceptionGroup as group:
            # The group's only other task reads replies and raises nothing: what is in here is the block's own error.
            raise group.exceptions[0] from None
    finally:
        await _remove(backend, spec.id)


@asynccontextmanager
async def started_whole(
    backend: Backend, sandbox_id: str, last_words: Callable[[], Awaitable[str]]
) -> AsyncIterator[None]:
    """The steps of a backend's `start`: when one of them fails, or is cancelled, nothing of the sandbox is left.

    Args:
        backend: whose sandbox it is.
        sandbox_id: the sandbox.
        last_words: what the sandbox itself said of its failure, which tells more than the step that noticed.

    Raises:
        SandboxStartError: a step failed.
    """
    try:
        yield
    except (OSError, SandboxError) as error:
        said = await last_words()
        await backend.remove(sandbox_id)
        raise SandboxStartError(f"{backend.name} could not start a sandbox: {said or error}") from error
    except BaseException:
        with anyio.CancelScope(shield=True):
            await backend.remove(sandbox_id)
        raise


async def _remove(backend: Backend, sandbox_id: str) -> None:
    """Remove a sandbox if that can be done now; what came of the block counts, whether it can or not."""
    with anyio.CancelScope(shield=True):
        try:
            with anyio.fail_after(REMOVE_GRACE):
                await backend.remove(sandbox_id)
        except (SandboxError, OSError) as error:  # a TimeoutError is an OSError
            log.warning("sandbox_not_removed", sandbox=sandbox_id, reason=str(error) or type(error).__name__)
