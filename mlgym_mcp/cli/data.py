"""`data`: what tasks are made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli.console import run, show, show_table, tell
from mlgym_mcp.cli.options import DataDir, Sandbox
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog

if TYPE_CHECKING:  # imported by the commands that need it
    from mlgym_mcp.data import Data

app = typer.Typer(no_args_is_help=True)

Tasks = Annotated[list[str] | None, typer.Argument(help="Task ids; all tasks when none is named.")]


@app.command("list")
def list_data(data_dir: DataDir = None, sandbox: Sandbox = None) -> None:
    """List the data that is prepared."""

    async def rows() -> list[tuple[str, str, str]]:
        async with _open(Settings.load({"data_dir": data_dir, "sandbox": sandbox})) as (data, catalog):
            return [
                (task.id, flavour, str(data.find(task, flavour) or "not prepared"))
                for task in catalog.list()
                for flavour in ("full", "sample")
            ]

    show_table(("task", "data", "folder"), run(rows))


@app.command("prepare")
def prepare_data(
    tasks: Tasks = None,
    flavour: Annotated[Literal["auto", "full", "sample"], typer.Option(help="Which data.")] = "auto",
    data_dir: DataDir = None,
    sandbox: Sandbox = None,
) -> None:
    """Prepare data ahead of its first use."""

    async def prepare() -> None:
        async with _open(Settings.load({"data_dir": data_dir, "sandbox": sandbox})) as (data, catalog):
            for task in map(catalog.get, tasks or catalog.ids()):
                prepared = await data.prepare(task, flavour, tell)
                show(f"{task.id}: {prepared.flavour} data in {prepared.public.parent}")

    run(prepare)


@asynccontextmanager
async def _open(settings: Settings) -> "AsyncIterator[tuple[Data, Catalog]]":
    from mlgym_mcp.server import catalog_of
    from mlgym_mcp.services import data_of, open_backend
    from mlgym_mcp.store import Store

    catalog = catalog_of(settings)
    with Store.open(settings.data_dir) as store:
        async with open_backend(settings, catalog) as backend:
            yield data_of(settings, store, backend), catalog
