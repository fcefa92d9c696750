"""`view`: a data folder in a browser, whether anybody serves it or not."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.options import DataDir, TasksDir, chosen
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:  # imported by the command that needs it
    from starlette.types import ASGIApp

    from mlgym_mcp.settings import Settings
    from mlgym_mcp.viewer.page import Page

VIEW_PORT = 8766


def view(  # noqa: PLR0913 - one parameter an option
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folders that `run` wrote, to be shown besides.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    host: Annotated[str, typer.Option(help="An address of this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = VIEW_PORT,
) -> None:
    """Look at sessions and runs in a browser: running ones live, past ones whole.

    Starts no sandboxes, and writes nothing.
    """
    from starlette.applications import Starlette

    from mlgym_mcp.sessions.drain import Drain
    from mlgym_mcp.tasks.catalog import Catalog
    from mlgym_mcp.viewer.guest_book import GuestBook
    from mlgym_mcp.viewer.reading import Shelf
    from mlgym_mcp.viewer.viewer import Viewer
    from mlgym_mcp.web import address, serving

    if not address.is_loopback(host):
        raise SetupError(f"{host} is not this machine's own; for others, serve with tokens: mlgym-mcp serve --http.")
    settings = chosen(data_dir=data_dir, tasks_dirs=tuple(tasks_dir) if tasks_dir else None)
    pages = run_pages(settings, runs or ())
    first = "/runs" if runs else "/"

    @asynccontextmanager
    async def opening() -> AsyncIterator["ASGIApp"]:
        entrance = GuestBook(lambda path: typer.echo(f"mlgym-mcp: open {address.url(listener)}{path}", err=True), first)
        shelf, names = Shelf(folder, Catalog.with_shipped(settings.tasks_dirs)), address.names(host, ())
        viewer = Viewer(shelf, entrance, names=names, more=pages, over=lambda: drain.ended)
        yield Starlette(routes=viewer.routes())

    drain = Drain()
    with _data_folder(settings, empty=bool(runs)) as folder, address.listen(host, port) as listener:
        serving.run(opening, listener, drain=drain)


def run_pages(settings: "Settings", folders: Sequence[Path] = ()) -> "Sequence[Page]":
    """The pages of these runs and of those in `runs_dir`, if there are any to be: the viewer itself knows of none.

    Raises:
        SetupError: a folder is no run's.
    """
    if not folders and settings.runs_dir is None:
        return ()
    from mlgym_mcp.cli.run_folders import RunFolders
    from mlgym_mcp.viewer.runs_pages import run_pages

    for folder in folders:
        if not (folder / "run.json").is_file():
            raise SetupError(f"{folder} is no run; name a folder that `mlgym-mcp run` printed.")
    return run_pages(RunFolders(folders, settings.runs_dir))


@contextmanager
def _data_folder(settings: "Settings", *, empty: bool) -> Iterator[Path]:
    """The data folder that is looked at; where there is none, an empty one if that will do."""
    from mlgym_mcp.store import Records, Store
    from mlgym_mcp.store.folder import DATABASE

    folder = settings.data_dir
    if empty and not (folder / DATABASE).is_file():
        with TemporaryDirectory(prefix="mlgym-mcp-view-") as made:
            with Store.open(Path(made)):
                pass
            yield Path(made)
        return
    if not folder.is_dir():
        raise SetupError(f"there is no data folder {folder}; name one with --data-dir.")
    with Records.read(folder):  # whether there is anything to look at
        pass
    yield folder
