"""The composition root: what a server stands on, put together in order, each part when it is first needed.

Clients start a server just to list its tools, so opening one makes nothing: the data folder, the backend and the
sessions are opened by the first call that needs them, and closed with the server.
"""

import math
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import anyio
import structlog
from anyio.abc import TaskGroup
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from mlgym_mcp import __version__
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.auth.resource import protected_resource
from mlgym_mcp.meter import Meter
from mlgym_mcp.sessions.drain import Drain
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import SessionManager
from mlgym_mcp.sessions.principal import ANONYMOUS
from mlgym_mcp.sessions.quota import Quota
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import AuditLog, Tokens
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tools.app import session_app
from mlgym_mcp.tools.caching import cache_hints
from mlgym_mcp.tools.caller import Caller, calling
from mlgym_mcp.tools.completion import add_completion
from mlgym_mcp.tools.desk import Defaults, Desk
from mlgym_mcp.tools.endpoint import EndpointLimits, open_endpoint
from mlgym_mcp.tools.errands import Errands
from mlgym_mcp.tools.guard import Guard
from mlgym_mcp.tools.instructions import instructions
from mlgym_mcp.tools.observing import Observing
from mlgym_mcp.tools.prompts import add_prompts
from mlgym_mcp.tools.register import add_tools
from mlgym_mcp.tools.resources import TaskServer, add_resources
from mlgym_mcp.tools.subscriptions import add_subscriptions
from mlgym_mcp.tools.tasks_extension import TasksExtension
from mlgym_mcp.tools.updates import Updates
from mlgym_mcp.web import address
from mlgym_mcp.web.app import Behind, make_app
from mlgym_mcp.web.operations import Operations

if TYPE_CHECKING:  # imported where it is used
    from mlgym_mcp.auth.jwts import JwtVerifier
    from mlgym_mcp.viewer.page import Page

Opened = TypeVar("Opened")
OpenServices: TypeAlias = Callable[[Settings, Catalog, Meter], AbstractAsyncContextManager[Services]]

ON_CLUSTER = {"max_sessions": 1000, "max_memory": sys.maxsize, "max_cpus": math.inf, "scoring_limit": 32}

log = structlog.get_logger()


@asynccontextmanager
async def open_web(
    settings: Settings,
    open_services: OpenServices | None = None,
    drain: Drain | None = None,
    *,
    now: Callable[[], float] = time.time,
    pages: "Sequence[Page]" = (),
) -> AsyncIterator[ASGIApp]:
    """Open the same server behind HTTP addresses.

    Args:
        settings: What the operator set.
        open_services: Opens what sessions stand on; by default the real thing.
        drain: Told beforehand that the server is to end.
        now: The clock of tokens, in seconds since the epoch.
        pages: What the viewer shows besides.

    Raises:
        SetupError: it would be open to strangers.
        UnknownTask: as for `open_server`.
    """
    if settings.pool is None:  # unlike a client that starts a server of its own, many sessions are to be expected
        settings = settings.model_copy(update={"pool": 1})
    limits = EndpointLimits(settings.max_connections, settings.connection_idle)
    from mlgym_mcp.web.metrics import Metrics  # of no use to a client that starts a server of its own

    metrics, drain = Metrics(), drain or Drain()
    allowed = address.names(settings.host, settings.allowed_hosts)
    with _doorkeeper(settings, now) as doorkeeper:
        address.require_guard(settings.host, guarded=doorkeeper.guards)
        async with open_server(settings, open_services, metrics, drain) as server:
            one_session = _make_server(replace(server.desk, one_session=True), server.updates, metrics, drain)
            operations = Operations(server.desk.manager, metrics, drain)
            async with (
                open_endpoint(server, allowed, limits) as everything,
                open_endpoint(one_session, allowed, limits) as within,
            ):
                # Whatever runs in no request's context must not pass for who owns the data folder.
                with calling(Caller(ANONYMOUS, scopes=frozenset())):
                    metadata, routes = protected_resource(settings.jwt_issuer, settings.jwt_audience)
                    viewer = _viewer(settings, doorkeeper, drain, now, pages) if settings.viewer else ()
                    behind = Behind(everything, within, operations, (*routes, *viewer))
                    yield make_app(behind, doorkeeper, metadata=metadata)


def _viewer(
    settings: Settings, doorkeeper: Doorkeeper, drain: Drain, now: Callable[[], float], more: "Sequence[Page]"
) -> list[BaseRoute]:
    from mlgym_mcp.viewer.reading import Shelf  # with templates, of no use over stdio
    from mlgym_mcp.viewer.token_entrance import TokenEntrance
    from mlgym_mcp.viewer.viewer import Viewer

    shelf = Shelf(settings.data_dir, catalog_of(settings), now)
    names = address.names(settings.host, settings.allowed_hosts)
    return Viewer(shelf, TokenEntrance(doorkeeper), names=names, more=more, over=lambda: drain.ended).routes()


def require_guard(settings: Settings) -> bool:
    """Check, before anything listens, that no stranger could use the server; whether callers need a token.

    Raises:
        SetupError: some could.
    """
    with _doorkeeper(settings, time.time) as doorkeeper:
        address.require_guard(settings.host, guarded=doorkeeper.guards)
        return doorkeeper.guards


@contextmanager
def _doorkeeper(settings: Settings, now: Callable[[], float]) -> Iterator[Doorkeeper]:
    with Tokens.open(settings.data_dir) as tokens:
        audit, verifier = AuditLog(settings.data_dir), _verifier(settings)
        yield Doorkeeper(tokens, audit, token_hash=settings.token, verifier=verifier, now=now)


def _verifier(settings: Settings) -> "JwtVerifier | None":
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    from mlgym_mcp.auth.jwts import JwtVerifier  # heavy, and of use to few
    from mlgym_mcp.auth.keys import Keys

    return JwtVerifier(settings.jwt_issuer, settings.jwt_audience, Keys(settings.jwt_issuer, settings.jwt_jwks))


@asynccontextmanager
async def open_server(
    settings: Settings,
    open_services: OpenServices | None = None,
    meter: Meter | None = None,
    drain: Drain | None = None,
) -> AsyncIterator[TaskServer]:
    """Open a server; on exit its sandboxes live on by their leases.

    Args:
        settings: What the operator set.
        open_services: Opens what sessions stand on; by default the real thing.
        meter: Told of what happens.
        drain: Told beforehand that the server is to end.

    Raises:
        SetupError: the server is pinned to a task that is not well-formed.
        UnknownTask: the server is pinned to a task that there is not.
    """
    catalog = catalog_of(settings)
    if settings.task is not None:
        catalog.get(settings.task)
    meter, drain = meter or Meter(), drain or Drain()

    @asynccontextmanager
    async def open_manager() -> AsyncIterator[SessionManager]:
        async with (
            (open_services or _open_real_services)(settings, catalog, meter) as services,
            SessionManager.open(services, _limits(settings), drain) as manager,
        ):
            log.info("sessions_opened", backend=services.backend.name, data_dir=str(settings.data_dir))
            manager.changes.tell(updates)
            meter.follow(manager.census)
            try:
                yield manager
            finally:
                meter.follow(None)

    updates = Updates()
    async with anyio.create_task_group() as tasks:
        await tasks.start(updates.run)
        manager = Lazy(tasks, open_manager)
        try:
            defaults = Defaults(settings.flavour, settings.protocol, settings.wait_s, settings.task_after)
            guard = Guard(AuditLog(settings.data_dir), settings.quota_calls_a_minute)
            desk = Desk.of(catalog, manager.get, guard, task=settings.task, defaults=defaults, groups=settings.tools)
            desk = replace(desk, open_world=_open_world(settings, catalog))
            yield _make_server(desk, updates, meter, drain)
        finally:
            updates.close()
            manager.close()


def _open_real_services(settings: Settings, catalog: Catalog, meter: Meter) -> AbstractAsyncContextManager[Services]:
    from mlgym_mcp.services import open_services  # heavy, and of no use to a client that only lists tools

    return open_services(settings, catalog, meter)


def catalog_of(settings: Settings) -> Catalog:
    """The shipped tasks, and those of the operator's folders, which come first."""
    return Catalog.with_shipped(settings.tasks_dirs)


@dataclass(slots=True)
class _Attempt(Generic[Opened]):
    """One attempt to open something: its outcome, and the event that it is known."""

    known: anyio.Event = field(default_factory=anyio.Event)
    value: Opened | None = None
    error: Exception | None = None


class Lazy(Generic[Opened]):
    """Something opened by the first who asks, in a task of its own, so that no request takes it down with itself."""

    def __init__(self, tasks: TaskGroup, opening: Callable[[], AbstractAsyncContextManager[Opened]]) -> None:
        self._tasks = tasks
        self._opening = opening
        self._attempt: _Attempt[Opened] | None = None
        self._closing = anyio.Event()

    async def get(self) -> Opened:
        """The thing, open.

        Raises:
            Exception: what kept it from opening; the next who asks tries again.
        """
        if self._attempt is None:
            self._attempt = _Attempt()
            self._tasks.start_soon(self._hold, self._attempt)
        attempt = self._attempt
        await attempt.known.wait()
        if attempt.value is None:
            raise attempt.error or RuntimeError("the server is closing")
        return attempt.value

    def close(self) -> None:
        """Begin to close it; whoever waits for the task group waits for the end of that."""
        self._closing.set()

    async def _hold(self, attempt: _Attempt[Opened]) -> None:
        structlog.contextvars.clear_contextvars()  # it outlives the request that happened to be the first
        async with AsyncExitStack() as stack:
            try:
                attempt.value = await stack.enter_async_context(self._opening())
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                attempt.error, self._attempt = error, None
                return
            finally:
                attempt.known.set()
            await self._closing.wait()


def _make_server(desk: Desk, updates: Updates, meter: Meter, drain: Drain) -> TaskServer:
    tasks = TasksExtension(Errands(desk))
    server = TaskServer(
        "mlgym-mcp",
        title="AI-research tasks",
        instructions=instructions(desk),
        version=__version__,
        log_level="WARNING",
        cache_hints=cache_hints(desk),
        subscriptions=updates.bus,
        extensions=[tasks, session_app()],
    )
    server.desk, server.updates, server.tasks = desk, updates, tasks
    server.middleware.append(Observing(meter, drain, add_tools(server, desk)))
    add_resources(server, desk)
    add_prompts(server, desk)
    add_completion(server, desk)
    add_subscriptions(server, desk, updates)
    return server


def _open_world(settings: Settings, catalog: Catalog) -> bool:
    # No shipped task has a network, and to read all of them takes longer than a client that lists tools should wait.
    if settings.network == "none" or not settings.tasks_dirs:
        return False
    offered = catalog.list() if settings.task is None else [catalog.get(settings.task)]
    return any(task.resources.network.allow for task in offered)


def _limits(settings: Settings) -> SessionLimits:
    if settings.sandbox == "ray":
        # The defaults are for what this machine can hold; on a cluster it holds none of it.
        unset = {name: value for name, value in ON_CLUSTER.items() if name not in settings.model_fields_set}
        settings = settings.model_copy(update=unset)
    return SessionLimits(
        max_sessions=settings.max_sessions,
        max_memory=settings.max_memory,
        max_cpus=settings.max_cpus,
        lease_s=settings.lease_s,
        gpu_lease_s=settings.gpu_lease_s,
        orphan_grace=settings.orphan_grace,
        pool=settings.pool or 0,
        scoring_limit=settings.scoring_limit,
        quota=Quota(settings.quota_sessions, settings.quota_sessions_a_day),
    )
