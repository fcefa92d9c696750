"""`tasks`: the catalogue."""

from typing import Annotated

import typer

from mlgym_mcp.cli.console import show, show_table
from mlgym_mcp.cli.options import TaskId, TasksDir
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog

app = typer.Typer(no_args_is_help=True)


def catalog(tasks_dir: TasksDir) -> Catalog:
    """The tasks that a server with this option would offer."""
    from mlgym_mcp.server import catalog_of

    return catalog_of(Settings.load({"tasks_dirs": tuple(tasks_dir) if tasks_dir else None}))


@app.command("list")
def list_tasks(
    domain: Annotated[str | None, typer.Option(help="Only tasks of this domain.")] = None, tasks_dir: TasksDir = None
) -> None:
    """List the tasks."""
    rows = [
        (task.id, task.title, task.domain, f"{task.ranking.goal} {task.ranking.name}", f"{task.target.value:g}")
        for task in catalog(tasks_dir).list(domain)
    ]
    show_table(("id", "title", "domain", "metric", "best known"), rows)


@app.command("show")
def show_task(task: TaskId, tasks_dir: TasksDir = None) -> None:
    """Show a task's brief."""
    from rich.markdown import Markdown

    show(Markdown(catalog(tasks_dir).get(task).brief))
