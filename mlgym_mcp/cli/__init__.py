"""The command line. Each command imports what it needs when it runs, so that `serve` is ready early."""

import sys
from typing import Annotated

import typer

from mlgym_mcp import __version__
from mlgym_mcp.cli import (
    audit,
    backup,
    catalogue,
    connect,
    data,
    images,
    machine,
    pruning,
    report,
    results,
    runs,
    serving,
    sessions,
    tokens,
    trajectories,
    view,
)
from mlgym_mcp.errors import DiskFull, MLGymError
from mlgym_mcp.inert import plain

app = typer.Typer(
    pretty_exceptions_enable=False,
    help="AI-research tasks over the Model Context Protocol, worked at in sandboxes and scored.",
)
app.command()(serving.serve)
app.command()(serving.demo)
app.command()(connect.connect)
app.command()(runs.run)
app.command()(report.report)
app.command()(view.view)
app.command("export")(trajectories.export_run)
app.command("import")(trajectories.import_files)
app.command("replay")(trajectories.replay)
app.command()(machine.doctor)
app.command()(audit.audit)
app.command()(backup.backup)
app.command()(pruning.prune)
app.add_typer(catalogue.app, name="tasks", help="The catalogue.")
app.add_typer(data.app, name="data", help="The data of tasks.")
app.add_typer(machine.environments, name="env", help="Environments of bubblewrap sandboxes.")
app.add_typer(images.app, name="images", help="Images of Docker sandboxes.")
app.add_typer(sessions.app, name="sessions", help="Attempts, running and past.")
app.add_typer(tokens.app, name="tokens", help="Who may use the server over HTTP.")
app.add_typer(results.app, name="results", help="Scores of submissions.")


@app.callback(invoke_without_command=True)
def first(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """AI-research tasks over the Model Context Protocol, worked at in sandboxes and scored."""
    if context.obj is not None:
        context.obj()
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        from mlgym_mcp.cli.welcome import welcome

        welcome()


def _log() -> None:
    """Set the log up: once a command runs, for who completes a word or reads help would wait for it."""
    from mlgym_mcp import log

    log.configure("warning")


def main() -> None:
    """Run the command line; what the user can mend is told in one sentence."""
    if sys.platform == "win32":
        raise SystemExit("mlgym-mcp: it runs on Linux and macOS; on Windows, inside of WSL 2: wsl --install")
    try:
        app(obj=_log)
    except DiskFull as error:
        typer.echo(f"mlgym-mcp: {error} To make room: mlgym-mcp prune", err=True)
        raise SystemExit(1) from None
    except PermissionError as error:
        where = plain(str(error.filename or error))
        typer.echo(f"mlgym-mcp: this user may not use {where}; name another folder (MLGYM_MCP_DATA_DIR)", err=True)
        raise SystemExit(1) from None
    except MLGymError as error:
        typer.echo(f"mlgym-mcp: {plain(str(error))}", err=True)
        raise SystemExit(1) from None
