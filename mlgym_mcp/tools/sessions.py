"""The tools that open and close sessions: `start`, `status` and `end`."""

from typing import Annotated, Literal

import anyio
from mcp.types import CallToolResult
from pydantic import Field

from mlgym_mcp.errors import CallerError
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.tools.caller import current_caller
from mlgym_mcp.tools.desk import AT_ONCE, Desk
from mlgym_mcp.tools.incoming import Request, SessionHandle, WaitSeconds, agent_of
from mlgym_mcp.tools.render import session_text
from mlgym_mcp.tools.reply import structured
from mlgym_mcp.tools.session_answer import SessionAnswer

STRICT_ONLY = (
    "This server scores by the strict protocol only, since `mlgym` shows what `strict` hides; leave `protocol` out. "
    "The operator allows it with: mlgym-mcp serve --protocol mlgym"
)

MOST_GPUS = 1024

SessionResult = Annotated[CallToolResult, SessionAnswer]


class SessionTools:
    """One attempt at one task, from its beginning to its end."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def start(
        self,
        request: Request,
        task: Annotated[str, Field(description="A task id of `list_tasks`.")],
        flavour: Annotated[
            Literal["auto", "full", "sample"] | None,
            Field(
                description="`full`: the official data; `sample`: small made data, for trying; `auto`: what is there."
            ),
        ] = None,
        protocol: Annotated[
            Literal["strict", "mlgym"] | None,
            Field(
                description="`strict`: validate and submit see different data. `mlgym`: as the original did it, where "
                "the operator allows it."
            ),
        ] = None,
        gpus: Annotated[
            int | None, Field(description="How many GPUs; default: as the task says.", ge=0, le=MOST_GPUS)
        ] = None,
        steps: Annotated[int | None, Field(description="Fewer steps than the task gives.", ge=1)] = None,
        wall_time: Annotated[float | None, Field(description="Less wall time, in seconds.", gt=0)] = None,
        wait_s: WaitSeconds = None,
    ) -> SessionResult:
        """Start a session: one attempt at one task, in a sandbox of its own. Returns its handle and the task's brief.

        Read the brief, work with `bash` and `edit`, measure with `validate`, finish with `submit`. A session has a
        budget of steps and of time, which every reply states; it stays open for hours without a call. In the state
        `waiting` its data or environment is still being made: go on, later calls wait for it.
        """
        began = anyio.current_time()
        defaults = self._desk.defaults
        if protocol == "mlgym" and defaults.protocol == "strict":
            raise CallerError(STRICT_ONLY)
        asked = StartRequest(
            task,
            flavour or defaults.flavour,
            protocol or defaults.protocol,
            gpus,
            steps=steps,
            wall_time=wall_time,
            aids=self._desk.aids,
            agent=agent_of(request),
        )
        manager = await self._desk.manager()
        call = self._desk.call(request, wait_s).after(anyio.current_time() - began)
        session = await manager.start(asked, principal=current_caller().principal, call=call)
        view, brief = await session.status(call=AT_ONCE), session.task.brief
        return structured(
            SessionAnswer.of(view, brief=brief), *session_text(view, anyio.current_time() - began, brief=brief)
        )

    async def status(self, request: Request, session: SessionHandle = None) -> SessionResult:
        """How a session stands: its state, jobs, budget and, once submitted, its score. Free."""
        began = anyio.current_time()
        async with self._desk.turn(request, session) as (target, call):
            view = await target.status(call=call)
        return structured(SessionAnswer.of(view), *session_text(view, anyio.current_time() - began))

    async def end(self, request: Request, session: SessionHandle = None) -> SessionResult:
        """Give a session up, without a score. `submit` ends it with one."""
        began = anyio.current_time()
        async with self._desk.turn(request, session) as (target, call):
            view = await target.end(call=call)
        return structured(SessionAnswer.of(view), *session_text(view, anyio.current_time() - began))
