"""Readiness: whether a session could be started now, and if not, what the operator can do."""

import shutil
from dataclasses import dataclass

import anyio
import structlog

from mlgym_mcp.errors import MLGymError, StoreError
from mlgym_mcp.sandbox.base import MIB
from mlgym_mcp.sessions.amounts import size
from mlgym_mcp.sessions.shared import Shared

BACKEND_LIMIT = 2.0
"""Seconds within which the backend must answer."""
LEAST_FREE = 256 * MIB
"""Bytes that must be free where the data folder lies."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One part that a new session needs. No secrets and no paths in it: it is shown over HTTP."""

    part: str
    ok: bool
    advice: str | None = None
    """What to do, where it isn't."""


async def checks(shared: Shared) -> tuple[Check, ...]:
    """Look at each part."""
    return draining(shared.drain.begun), await _backend(shared), _store(shared), _disk(shared)


def draining(begun: bool) -> Check:
    """Whether the server is about to end."""
    if begun:
        return Check("staying", False, "The server is being stopped: use another, or wait for the next.")
    return Check("staying", True)


async def _backend(shared: Shared) -> Check:
    backend = shared.services.backend
    advice = f"{backend.name} gives no answer; `mlgym-mcp doctor` says more, the server's log why."
    try:
        with anyio.fail_after(BACKEND_LIMIT):
            await backend.ids()
    except (MLGymError, OSError) as error:  # a TimeoutError is an OSError
        log.warning("backend_does_not_answer", backend=backend.name, reason=str(error) or type(error).__name__)
        return Check("backend", False, advice)
    return Check("backend", True)


def _store(shared: Shared) -> Check:
    try:
        shared.services.store.database.check_writable()
    except StoreError as error:
        log.warning("store_not_writable", reason=str(error))
        return Check("store", False, "The data folder can't be written; the server's log says why.")
    return Check("store", True)


def _disk(shared: Shared) -> Check:
    try:
        free = shutil.disk_usage(shared.services.store.folder).free
    except OSError as error:
        log.warning("disk_not_readable", reason=str(error))
        return Check("disk", False, "The data folder can't be read; the server's log says why.")
    wanted = f"{size(free)} are free where the data folder lies and {size(LEAST_FREE)} are wanted; make room."
    return Check("disk", True) if free >= LEAST_FREE else Check("disk", False, wanted)
