"""`data`: what tasks are made of."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import run, show, show_table
from mlgym_mcp.cli.options import DataDir, Sandbox, TasksDir, chosen
from mlgym_mcp.cli.progress import Waiting

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.tasks.measures import Flavour
    from mlgym_mcp.tasks.spec import TaskSpec

app = typer.Typer(no_args_is_help=True)

Tasks = Annotated[
    list[str] | None,
    typer.Argument(help="Task ids; all tasks when none is named.", autocompletion=completion.tasks),
]


@app.command("list")
def list_data(data_dir: DataDir = None, tasks_dir: TasksDir = None) -> None:
    """List the data that is prepared."""
    from mlgym_mcp.data import place_of
    from mlgym_mcp.store import Store
    from mlgym_mcp.tasks.measures import Flavour

    def place(task: "TaskSpec", flavour: "Flavour") -> Path:
        return place_of(store.folder, store.secret, task, flavour)

    with Store.open(chosen(data_dir=data_dir).data_dir) as store:
        rows = [
            (task.id, flavour, str(found) if (found := place(task, flavour)).is_dir() else "not prepared")
            for task in catalog(tasks_dir).list()
            for flavour in get_args(Flavour)
        ]
    show_table(("task", "data", "folder"), rows)


@app.command("prepare")
def prepare_data(
    tasks: Tasks = None,
    flavour: Annotated[Literal["auto", "full", "sample"], typer.Option(help="Which data.")] = "auto",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    sandbox: Sandbox = None,
) -> None:
    """Prepare data ahead of its first use; with `--flavour full`, what is missing of it is downloaded."""
    from mlgym_mcp.services import data_of, open_backend
    from mlgym_mcp.store import Store

    offered = catalog(tasks_dir)
    settings = chosen(data_dir=data_dir, sandbox=sandbox)

    async def prepare() -> None:
        with Store.open(settings.data_dir) as store:
            async with open_backend(settings, offered) as backend:
                data = data_of(settings, store, backend)
                for task in map(offered.get, tasks) if tasks else offered.list():
                    with Waiting() as waiting:
                        prepared = await data.prepare(task, flavour, waiting, may_download=flavour == "full")
                    show(f"{task.id}: {prepared.flavour} data in {prepared.public.parent}")

    run(prepare)


@app.command("verify")
def verify_data(tasks: Tasks = None, data_dir: DataDir = None, tasks_dir: TasksDir = None) -> None:
    """Check that sources and prepared data are still what they were."""
    from mlgym_mcp.data.verification import verify
    from mlgym_mcp.store import Store

    offered = catalog(tasks_dir)
    settings = chosen(data_dir=data_dir)
    with Store.open(settings.data_dir) as store:
        wanted = [offered.get(task) for task in tasks] if tasks else offered.list()
        found = [
            finding for task in wanted for finding in verify(task, settings.data_dir, settings.cache_dir, store.secret)
        ]
    show_table(
        ("task", "what", "", "detail"),
        [(one.task, one.what, "as it was" if one.ok else "CHANGED", one.detail) for one in found],
    )
    if not all(one.ok for one in found):
        raise SystemExit(1)
