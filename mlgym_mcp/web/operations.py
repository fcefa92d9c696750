"""What the programs of an operator ask: whether the server takes sessions (`/readyz`), and its figures (`/metrics`)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import anyio
import structlog
from starlette.responses import JSONResponse, Response

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.sessions.manager import SessionManager
from mlgym_mcp.sessions.readiness import Check, draining

if TYPE_CHECKING:  # with a library that takes a tenth of a second to import
    from mlgym_mcp.web.metrics import Metrics

OPENING_LIMIT = 3.0
"""Seconds that opening what sessions stand on may keep the answer."""
KEPT = 1.0
"""Seconds for which a finding is repeated: anybody may ask, as often as they like."""

OpenManager: TypeAlias = Callable[[], Awaitable[SessionManager]]

log = structlog.get_logger(__name__)


class Operations:
    """One server, as its operator sees it."""

    def __init__(self, manager: OpenManager, metrics: "Metrics", drain: Drain) -> None:
        self.meter = metrics
        self._manager = manager
        self._drain = drain
        self._looking = anyio.Lock()
        self._found: tuple[Check, ...] = ()
        self._found_at = -KEPT

    async def readiness(self, *, in_full: bool) -> Response:
        """Whether a session could be started: 200 or 503; in full with each part, and what to do where it is not."""
        found = await self._checks()
        ready = all(check.ok for check in found)
        answer: dict[str, object] = {"status": "ready" if ready else "not ready"}
        if in_full:
            answer["checks"] = {
                check.part: {"ok": check.ok} | ({} if check.ok else {"advice": check.advice}) for check in found
            }
        return JSONResponse(answer, status_code=200 if ready else 503)

    def metrics(self) -> Response:
        """All figures, in Prometheus's text format."""
        from mlgym_mcp.web.metrics import CONTENT_TYPE

        return Response(self.meter.exposition(), media_type=CONTENT_TYPE)

    async def _checks(self) -> tuple[Check, ...]:
        if self._drain.begun:
            return (draining(begun=True),)
        async with self._looking:
            if anyio.current_time() - self._found_at >= KEPT:
                before, self._found = self._found, await self._look()
                self._found_at = anyio.current_time()
                self._tell(before)
        return self._found

    async def _look(self) -> tuple[Check, ...]:
        try:
            with anyio.fail_after(OPENING_LIMIT):
                manager = await self._manager()
        except TimeoutError:
            return (Check("opening", False, "What sessions stand on is being opened; ask again."),)
        except (MLGymError, OSError) as error:
            log.warning("sessions_not_opened", reason=str(error))
            advice = "What sessions stand on can't be opened; the server's log says why, `mlgym-mcp doctor` more."
            return (Check("opening", False, advice),)
        return await manager.ready()

    def _tell(self, before: tuple[Check, ...]) -> None:
        failing = [check.part for check in self._found if not check.ok]
        if failing != [check.part for check in before if not check.ok]:
            log.warning("not_ready", parts=failing) if failing else log.info("ready_again")
