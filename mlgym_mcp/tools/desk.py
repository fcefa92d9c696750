"""What all tools share: the catalogue, the sessions, and what a call that doesn't say is taken to mean."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import anyio
from structlog.contextvars import bind_contextvars

from mlgym_mcp.errors import CallerError, SessionClosed, UnknownTask
from mlgym_mcp.sessions.aids import AIDS
from mlgym_mcp.sessions.call import PATIENT, Call
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.spec import TaskSpec
from mlgym_mcp.tools.guard import Guard
from mlgym_mcp.tools.handle import Handles, OpenManager
from mlgym_mcp.tools.incoming import Request, call_of
from mlgym_mcp.tools.reply import closing

AT_ONCE = Call(wait_s=0)

Turn: TypeAlias = tuple[Session, Call]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator chose for calls that don't say."""

    flavour: str = "auto"
    protocol: str = "strict"
    wait_s: float = PATIENT.wait_s
    task_after: float = 10.0
    """Seconds after which a call that was accepted goes on as a task, for clients that know tasks."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where tools turn to."""

    catalog: Catalog
    manager: OpenManager
    handles: Handles
    guard: Guard
    defaults: Defaults = Defaults()
    groups: frozenset[str] = frozenset()
    """The optional groups of tools that are offered."""
    one_session: bool = False
    """Whether callers find one session here and nothing else: that of the server's task, or of their address."""
    open_world: bool = False
    """Whether any task lets its sandboxes reach hosts."""

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        manager: OpenManager,
        guard: Guard,
        *,
        task: str | None = None,
        defaults: Defaults = Defaults(),
        groups: Iterable[str] = (),
    ) -> "Desk":
        """A desk for all tasks, or for one session on the one `task` that a server is pinned to."""
        desk = cls(catalog, manager, Handles(manager), guard, defaults, frozenset(groups))
        if task is None:
            return desk
        pinned = StartRequest(task, flavour=defaults.flavour, protocol=defaults.protocol, aids=desk.aids)
        return replace(desk, handles=Handles(manager, pinned), one_session=True)

    @property
    def aids(self) -> tuple[str, ...]:
        """What sessions are started with beside their sandbox."""
        return tuple(aid for aid in AIDS if aid in self.groups)

    @property
    def pinned_task(self) -> str | None:
        """The one task of a pinned server."""
        return self.handles.pinned.task if self.handles.pinned else None

    async def only_task(self) -> str | None:
        """The one task that the caller may see; None: all of them.

        Raises:
            UnknownSession: the caller's address names no session.
        """
        if self.pinned_task is not None or not self.one_session:
            return self.pinned_task
        return (await self.handles.session(None, AT_ONCE)).task.id

    async def tasks(self, domain: str | None = None) -> tuple[TaskSpec, ...]:
        """The tasks that the caller is offered: all of a domain, or its only one.

        Raises:
            UnknownSession: the caller's address names no session.
        """
        only = await self.only_task()
        return self.catalog.list(domain) if only is None else (self.catalog.get(only),)

    def passed_over(self) -> list[str]:
        """The ids of tasks that are not offered, for their folders are not well-formed."""
        return [] if self.one_session else list(self.catalog.broken())

    async def task(self, task_id: str) -> TaskSpec:
        """One task that the caller is offered.

        Raises:
            UnknownTask: it is offered none with this id.
            UnknownSession: the caller's address names no session.
        """
        only = await self.only_task()
        if only not in (None, task_id):
            raise UnknownTask(f"There is one task only here: {only}.")
        return self.catalog.get(task_id)

    @asynccontextmanager
    async def turn(self, request: Request, handle: str | None, wait_s: float | None = None) -> AsyncIterator[Turn]:
        """The session that a call means and how the call waits; refusals end with the budget, as all replies do.

        Raises:
            UnknownSession: it isn't clear which session is meant.
        """
        began = anyio.current_time()
        call = self.call(request, wait_s)
        session = await self.handles.session(handle, call)
        bind_contextvars(session=session.id)
        try:
            yield session, call.after(anyio.current_time() - began)
        except CallerError as error:
            advice = self.handles.advice(session) if isinstance(error, SessionClosed) else ""
            last = closing("refused", anyio.current_time() - began, session.left)
            raise type(error)(f"{error}{advice}\n{last}") from error

    def call(self, request: Request, wait_s: float | None = None) -> Call:
        """How a request waits: as it says, or as the operator chose."""
        return call_of(request, self.defaults.wait_s if wait_s is None else wait_s)
