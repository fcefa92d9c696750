"""`tasks`: the catalogue."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.console import run, show, show_json, show_table
from mlgym_mcp.cli.options import DataDir, Sandbox, TaskId, TasksDir, chosen
from mlgym_mcp.cli.progress import Waiting
from mlgym_mcp.cli.sense import require_tasks
from mlgym_mcp.errors import SetupError, TaskSpecError

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.check import Finding
    from mlgym_mcp.settings import Settings
    from mlgym_mcp.tasks.catalog import Catalog

app = typer.Typer(no_args_is_help=True)


def catalog(tasks_dir: TasksDir) -> "Catalog":
    """The tasks that a server with this option would offer."""
    from mlgym_mcp.server import catalog_of

    settings = chosen(tasks_dirs=tuple(tasks_dir) if tasks_dir else None)
    require_tasks(settings)
    return catalog_of(settings)


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


@app.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of task.yaml, for editors."""
    from mlgym_mcp.tasks.schema import task_schema

    show_json(json.dumps(task_schema()))


@app.command("new")
def new_task(
    name: Annotated[str, typer.Argument(help="The new task's id, such as `my-task-v1`.", show_default=False)],
    kind: Annotated[
        Literal["data", "code", "policy", "model"], typer.Option(help="What is handed in: predictions, code, …")
    ] = "data",
    to: Annotated[Path, typer.Option(help="The folder of tasks to make it in.")] = Path("."),
) -> None:
    """Make the folder of a small task that passes `tasks check`, to be changed into yours."""
    from mlgym_mcp.tasks.scaffold import make

    folder = make(name, kind, to)
    show(f"{folder} is there; try it with: mlgym-mcp tasks check {folder.name} --tasks-dir {to}")


@app.command("check")
def check_tasks(  # noqa: PLR0913 - one parameter an option
    tasks: Annotated[
        list[str] | None, typer.Argument(help="Task ids.", show_default=False, autocompletion=completion.tasks)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All tasks.")] = False,
    lint_only: Annotated[bool, typer.Option("--lint-only", help="Only look at the folders; run nothing.")] = False,
    flavour: Annotated[Literal["full", "sample"], typer.Option(help="Which data to try them on.")] = "sample",
    sandbox: Sandbox = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Check that tasks are whole: look at their folders, then work at each in a sandbox, baseline and attacks."""
    if every == bool(tasks):
        raise SetupError("name the tasks to check, or say --all.")
    directories = tuple(tasks_dir) if tasks_dir else None
    settings = chosen(data_dir=data_dir, sandbox=sandbox, tasks_dirs=directories)
    offered = catalog(tasks_dir)
    found = run(lambda: _check(settings, offered, list(offered.ids() if every else tasks or ()), flavour, lint_only))
    show_table(
        ("task", "looked at", "", "detail"),
        [(task, one.subject, "ok" if one.ok else "WRONG", " ".join(one.detail.split())) for task, one in found],
    )
    if wrong := sum(not one.ok for _, one in found):
        raise SetupError(f"{wrong} of {len(found)} things are not as they should be; see the table.")


async def _check(
    settings: "Settings", offered: "Catalog", wanted: list[str], flavour: Literal["full", "sample"], lint_only: bool
) -> "list[tuple[str, Finding]]":
    from mlgym_mcp.check import Finding, lint, open_trial

    found: list[tuple[str, Finding]] = []
    whole = []
    for task_id in wanted:
        try:
            task = offered.get(task_id)
            found += [(task_id, finding) for finding in lint(task)]
            whole.append(task)
        except TaskSpecError as error:
            found.append((task_id, Finding("task.yaml", False, str(error))))
    if whole and not lint_only:
        async with open_trial(settings, offered, flavour) as trial:
            with Waiting() as waiting:
                for task in whole:
                    async for finding in trial.run(task, waiting):
                        found.append((task.id, finding))
                        if not finding.ok:  # at once, for the table may be long in coming
                            waiting.says(f"{task.id}: {finding.subject}: {finding.detail}")
    return sorted(found, key=lambda pair: wanted.index(pair[0]))
