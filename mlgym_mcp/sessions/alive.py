"""Signs of life: what a server tells those who will go on with its sessions, so that its absence costs them nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.sessions.operation import Operation
from mlgym_mcp.sessions.shared import Shared

log = structlog.get_logger(__name__)


@asynccontextmanager
async def alive(shared: Shared) -> AsyncIterator[None]:
    """Give a sign of life every few seconds while the block runs, and a last one at its end."""

    async def beat() -> None:
        while True:
            await shared.services.clock.sleep(shared.limits.beat_s)
            _give_sign(shared)

    _give_sign(shared)
    shared.spawn(Operation(beat))
    try:
        yield
    finally:
        _give_sign(shared)


def _give_sign(shared: Shared) -> None:
    try:
        shared.services.store.beat(shared.services.clock.now())
    except MLGymError as error:
        log.warning("no_sign_of_life", reason=str(error))
