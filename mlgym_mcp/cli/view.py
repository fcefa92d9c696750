"""`view`: a data folder in a browser, whether anybody serves it or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.options import DataDir, TasksDir
from mlgym_mcp.errors import SetupError
from mlgym_mcp.settings import Settings

if TYPE_CHECKING:  # imported by the command that needs it
    from starlette.types import ASGIApp

VIEW_PORT = 8766


def view(
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    host: Annotated[str, typer.Option(help="An address of this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = VIEW_PORT,
) -> None:
    """Look at sessions in a browser: running ones live, past ones whole. Starts no sandboxes and writes nothing."""
    from starlette.applications import Starlette

    from mlgym_mcp.sessions.drain import Drain
    from mlgym_mcp.store import Records
    from mlgym_mcp.tasks.catalog import Catalog
    from mlgym_mcp.viewer.guest_book import GuestBook
    from mlgym_mcp.viewer.reading import Shelf
    from mlgym_mcp.viewer.viewer import Viewer
    from mlgym_mcp.web import address, serving

    if not address.is_loopback(host):
        raise SetupError(f"{host} is not this machine's own; for others, serve with tokens: mlgym-mcp serve --http.")
    settings = Settings.load({"data_dir": data_dir, "tasks_dirs": tuple(tasks_dir) if tasks_dir else None})
    folder = settings.data_dir
    if not folder.is_dir():
        raise SetupError(f"there is no data folder {folder}; name one with --data-dir.")
    with Records.read(folder):  # whether there is anything to look at
        pass

    @asynccontextmanager
    async def opening() -> AsyncIterator["ASGIApp"]:
        entrance = GuestBook(lambda path: typer.echo(f"mlgym-mcp: open {address.url(listener)}{path}", err=True))
        shelf, names = Shelf(folder, Catalog.with_shipped(settings.tasks_dirs)), address.names(host, ())
        yield Starlette(routes=Viewer(shelf, entrance, names=names, over=lambda: drain.ended).routes())

    drain = Drain()
    with address.listen(host, port) as listener:
        serving.run(opening, listener, drain=drain)
