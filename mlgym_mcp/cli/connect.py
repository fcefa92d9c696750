"""`connect`: our server in the configuration of a client."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.launcher import launcher
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:
    from mlgym_clients.connect.server import Command

Name = Literal["claude-desktop", "claude-code", "codex", "cursor", "vscode", "gemini"]


def connect(  # noqa: PLR0913 - one parameter an option
    client: Annotated[Name, typer.Argument(help="Whom to connect.", show_default=False)],
    options: Annotated[
        list[str] | None, typer.Argument(help="Options of `serve`, after `--`.", show_default=False)
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Pin the server to this task.", show_default=False, autocompletion=completion.tasks),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="A server that runs already, such as http://127.0.0.1:8765/mcp.")
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(help="The environment variable with that server's token.", show_default=False)
    ] = None,
    project: Annotated[bool, typer.Option("--project", help="For the project in this folder alone.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Put it there, instead of showing it.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace another server of the same name.")] = False,
) -> None:
    """Show what connects a client to the server, or write it into the client's configuration."""
    from mlgym_clients.connect.clients import CLIENTS
    from mlgym_clients.connect.connecting import connection
    from mlgym_clients.connect.server import Address, CannotConnect

    if url is not None and (task is not None or options):
        raise SetupError("a server that runs already has its options; give --url alone, or leave it out.")
    if url is None and token_env is not None:
        raise SetupError("--token-env goes with --url.")
    pinned = ("--task", task) if task is not None else ()
    server = Address(url, token_env) if url else _command("serve", *pinned, *(options or ()))
    here = Path.cwd() if project else None
    try:
        made = connection(CLIENTS[client], server, platform=sys.platform, home=Path.home(), project=here)
        if write:
            typer.echo(f"{made.write(force=force)}\n{made.client.then}")
        else:
            typer.echo(f"In {made.document.path}, beside what is there (--write puts it there):\n\n{made.snippet}")
    except CannotConnect as error:
        raise SetupError(str(error)) from None


def _command(*arguments: str) -> "Command":
    from mlgym_clients.connect.server import Command

    program, *before = launcher()
    return Command(program, (*before, *arguments))
