"""`serve`, and `demo`, which is its first client."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp import __version__
from mlgym_mcp.cli import completion
from mlgym_mcp.cli.options import DataDir, Flavour, Sandbox, TasksDir, chosen
from mlgym_mcp.cli.sense import require_sense
from mlgym_mcp.cli.view import run_pages
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:  # imported by the commands that need them
    from opentelemetry.sdk.trace import TracerProvider
    from starlette.types import ASGIApp

    from mlgym_mcp.settings import Settings

TYPED = """\
mlgym-mcp: this waits for an MCP client on stdin, and a client starts it by itself. Connect one, or serve over HTTP:
  mlgym-mcp connect claude-code --write
  mlgym-mcp serve --http
Ctrl-C ends it."""
LOOK = "  Look on, in a browser: {url}/"
WITH_TOKEN = "  Callers must show a token, as `Authorization: Bearer …`; make one: mlgym-mcp tokens create NAME"
WITHOUT_TOKEN = "  Callers need no token, and must be on this machine; ask for one: mlgym-mcp tokens create NAME"
CONNECT = "  Connect a client: mlgym-mcp connect claude-code --url {url}{token} --write"


def serve(  # noqa: PLR0913 - one parameter an option
    sandbox: Sandbox = None,
    ray_address: Annotated[
        str | None, typer.Option(help="The head of the cluster, with --sandbox ray.", show_default=False)
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Offer one session on this task, and nothing else.", autocompletion=completion.tasks),
    ] = None,
    protocol: Annotated[
        Literal["strict", "mlgym"] | None, typer.Option(help="What validate and submit see.", show_default=False)
    ] = None,
    flavour: Flavour = None,
    gpus: Annotated[
        str | None, typer.Option(help="GPUs to lend: all, none, or indices and UUIDs with commas.", show_default=False)
    ] = None,
    tools: Annotated[
        list[str] | None,
        typer.Option(
            help="An optional group: checkpoints, evaluation, memory or literature; may be repeated.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        Literal["tasks", "none"] | None,
        typer.Option(help="Whether tasks may let sandboxes reach hosts that they name.", show_default=False),
    ] = None,
    max_sessions: Annotated[int | None, typer.Option(help="Sessions at once.", show_default=False)] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Memory of all sandboxes together, such as 48GiB.", show_default=False)
    ] = None,
    max_cpus: Annotated[float | None, typer.Option(help="The same for CPUs.", show_default=False)] = None,
    tasks_dir: TasksDir = None,
    data_dir: DataDir = None,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP instead of stdin and stdout.")] = False,
    host: Annotated[
        str | None, typer.Option(help="Where HTTP is served; beyond this machine with a token.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="The port of HTTP; 0: any that is free.", show_default=False)] = None,
    end_with_stdin: Annotated[
        bool,
        typer.Option(
            "--end-with-stdin", help="Over HTTP, for a program that starts it: print the address, end with stdin."
        ),
    ] = False,
) -> None:
    """Serve MCP on stdin and stdout, or over HTTP."""
    given = {"sandbox": sandbox, "task": task, "protocol": protocol, "flavour": flavour, "host": host, "port": port}
    given |= {"gpus": gpus, "network": network, "tools": ",".join(tools) if tools else None}
    given |= {"ray_address": ray_address}
    capacity = {"max_sessions": max_sessions, "max_memory": max_memory, "max_cpus": max_cpus}
    folders = {"tasks_dirs": tuple(tasks_dir) if tasks_dir else None, "data_dir": data_dir}
    settings = chosen(**given, **capacity, **folders)
    for_http = {"--host": host is not None, "--port": port is not None, "--end-with-stdin": end_with_stdin}
    require_sense(settings, http=http, for_http=[option for option, used in for_http.items() if used])

    from mlgym_mcp import log
    from mlgym_mcp.server import catalog_of
    from mlgym_mcp.settings import traces_wanted
    from mlgym_mcp.telemetry import make_provider

    log.configure(settings.log_level, settings.log_format)
    if settings.task is not None:
        catalog_of(settings).get(settings.task)
    provider = make_provider() if traces_wanted() else None
    if http:
        _serve_http(settings, provider, end_with_stdin=end_with_stdin)
    else:
        _serve_stdio(settings, provider)


def _serve_stdio(settings: "Settings", provider: "TracerProvider | None") -> None:
    from mlgym_mcp import stdio
    from mlgym_mcp.server import open_server
    from mlgym_mcp.telemetry import tracing

    @asynccontextmanager
    async def opening() -> AsyncIterator[Callable[[], Awaitable[None]]]:
        async with tracing(provider), open_server(settings) as server:
            _tell(settings, "stdin and stdout")
            if sys.stdin.isatty():
                typer.echo(TYPED, err=True)
            yield server.run_stdio_async

    stdio.run(opening)


def _serve_http(settings: "Settings", provider: "TracerProvider | None", *, end_with_stdin: bool) -> None:
    from mlgym_mcp.server import open_web, require_guard
    from mlgym_mcp.sessions.drain import Drain
    from mlgym_mcp.telemetry import tracing
    from mlgym_mcp.web import address, serving

    @asynccontextmanager
    async def opening() -> AsyncIterator["ASGIApp"]:
        async with tracing(provider), open_web(settings, drain=drain, pages=run_pages(settings)) as app:
            endpoint = f"{address.url(listener)}/mcp"
            _tell(settings, endpoint)
            typer.echo(f"mlgym-mcp: serving MCP at {endpoint}", err=True)
            if end_with_stdin:
                typer.echo(endpoint)
            else:
                if settings.viewer:
                    typer.echo(LOOK.format(url=address.url(listener)), err=True)
                typer.echo(WITH_TOKEN if guarded else WITHOUT_TOKEN, err=True)
                typer.echo(CONNECT.format(url=endpoint, token=" --token-env MLGYM_TOKEN" if guarded else ""), err=True)
            yield app

    drain = Drain()
    guarded = require_guard(settings)
    with address.listen(settings.host, settings.port) as listener:
        serving.run(opening, listener, end_with_stdin=end_with_stdin, drain=drain, drain_s=settings.drain_s)


def _tell(settings: "Settings", address: str) -> None:
    import structlog

    facts = {"address": address, "sandbox": settings.sandbox, "data_dir": str(settings.data_dir)}
    structlog.get_logger(__name__).info("server_started", version=__version__, **facts)


def demo(
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to attempt; every scripted task when none is named.", autocompletion=completion.tasks
        ),
    ] = None,
    sandbox: Sandbox = None,
    flavour: Flavour = None,
    data_dir: DataDir = None,
) -> None:
    """Watch a scripted agent attempt two tasks over MCP, and see its scores."""
    from mlgym_clients import demo as player
    from mlgym_clients.attempts import ATTEMPTS

    from mlgym_mcp.settings import inherited_environment

    if unknown := sorted(set(tasks or ()) - set(ATTEMPTS)):
        raise SetupError(f"no attempt at {unknown[0]} is scripted; there are: {', '.join(ATTEMPTS)}.")
    given = {"--sandbox": sandbox, "--flavour": flavour, "--data-dir": data_dir}
    options = [part for option, value in given.items() if value is not None for part in (option, str(value))]
    environment = inherited_environment() | {"MLGYM_MCP_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "mlgym_mcp", "serve", *options]
    if not player.run(command, environment, tasks or tuple(ATTEMPTS)):
        raise SystemExit(1)
