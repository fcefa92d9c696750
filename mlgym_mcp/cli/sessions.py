"""`sessions`: what was attempted, and what goes on."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import moment, run, show, show_table
from mlgym_mcp.cli.options import DataDir, TasksDir, chosen
from mlgym_mcp.errors import SetupError
from mlgym_mcp.inert import plain
from mlgym_mcp.sessions.principal import LOCAL

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.store import SessionRow, Store

app = typer.Typer(no_args_is_help=True)

NAMED = "A session by the beginning of its sandbox's name in `sessions list`, or by its handle."


@app.command("list")
def list_sessions(data_dir: DataDir = None) -> None:
    """List the latest sessions, newest first. Handles are secret: a session goes by its sandbox's name."""
    with open_store(data_dir) as store:
        rows = [
            (row.sandbox, row.task, row.flavour, row.state, row.reason or "", moment(row.created_at))
            for row in store.sessions.list()
        ]
    show_table(("sandbox", "task", "data", "state", "reason", "started"), rows)


@app.command("end")
def end_session(
    session: Annotated[str, typer.Argument(help=NAMED, show_default=False, autocompletion=completion.sessions)],
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a server that has the session.")] = 60.0,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """End a session, unscored, as its user would; a server that has it is asked to."""
    from mlgym_mcp.sessions.ending import is_over, named

    async def end() -> "SessionRow":
        from mlgym_mcp.sessions.ending import ask_to_end

        with as_operator(data_dir) as store:
            row = named(store, session)
            store.audit.write("sessions_end", session=row.id, owner=row.principal)
            if not (is_over(row) or store.instance.free(row.owner)):
                show(f"A server has this session, and is asked to end it; that may take {wait:g} s.")
                row = await ask_to_end(store, row, within=wait)
            if not is_over(row) and store.instance.free(row.owner):
                await _take_over_and_end(row, data_dir, tasks_dir)
            return store.sessions.get(row.id) or row

    row = run(end)
    show(f"{row.sandbox}: {row.state}" + (f" ({row.reason})" if row.reason else ""))
    if not is_over(row):
        raise SetupError(f"its server has not ended it within {wait:g} s; it will when it next looks, unless it hangs.")


@app.command("export")
def export_sessions(
    sessions: Annotated[
        list[str] | None, typer.Argument(help=NAMED, show_default=False, autocompletion=completion.sessions)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every session of the data folder.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="A file for one session, a folder for several.", show_default=False)
    ] = None,
    kind: Annotated[
        Literal["json", "traj"], typer.Option("--format", help="All that is kept, or MLGym's trajectory format.")
    ] = "json",
    data_dir: DataDir = None,
) -> None:
    """Write sessions as JSON, one document each, without handles; to stdout, one a line, unless told where."""
    from mlgym_mcp.sessions.ending import named
    from mlgym_mcp.sessions.export import DOCUMENTS

    if every == bool(sessions):
        raise SetupError("name the sessions to export, or say --all.")
    with open_store(data_dir) as store:
        rows = store.sessions.all() if every else [named(store, name) for name in sessions or ()]
        folder = to if to is not None and (to.is_dir() or every or len(rows) > 1) else None
        for row in rows:
            line = json.dumps(DOCUMENTS[kind](store, row), ensure_ascii=False) + "\n"
            if to is None:
                typer.echo(plain(line), nl=False)
            else:
                _write(to if folder is None else folder / f"{row.sandbox}.{kind}", line)
    if to is not None:
        show(f"{len(rows)} written to {to}")


def open_store(data_dir: Path | None) -> "AbstractContextManager[Store]":
    """The records of a data folder."""
    from mlgym_mcp.store import Store

    return Store.open(chosen(data_dir=data_dir).data_dir)


@contextmanager
def as_operator(data_dir: Path | None) -> Iterator["Store"]:
    """The same, for what the audit log puts down to whoever owns the data folder."""
    from mlgym_mcp.store import Actor, acting

    with open_store(data_dir) as store, acting(Actor(LOCAL)):
        yield store


async def _take_over_and_end(row: "SessionRow", data_dir: Path | None, tasks_dir: list[Path] | None) -> None:
    from mlgym_mcp.services import open_services
    from mlgym_mcp.sessions.ending import take_over_and_end
    from mlgym_mcp.sessions.manager import SessionManager

    settings = chosen(data_dir=data_dir, sandbox=row.backend)
    async with (
        open_services(settings, catalog(tasks_dir)) as services,
        SessionManager.open(services) as manager,
    ):
        await take_over_and_end(manager, row)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{path} can't be written ({error.strerror}); name another place with --to.") from None
