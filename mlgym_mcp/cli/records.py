"""`sessions` and `results`: what was attempted, and what came of it."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import moment, show_json, show_table
from mlgym_mcp.cli.options import DataDir, TaskId, TasksDir
from mlgym_mcp.errors import SetupError
from mlgym_mcp.settings import Settings

if TYPE_CHECKING:  # imported by the commands that need it
    from mlgym_mcp.store import Store

sessions = typer.Typer(no_args_is_help=True)
results = typer.Typer(no_args_is_help=True)


@sessions.command("list")
def list_sessions(data_dir: DataDir = None) -> None:
    """List the latest sessions, newest first. Handles are secret: a session goes by its sandbox's name."""
    with _store(data_dir) as store:
        rows = [
            (row.sandbox, row.task, row.flavour, row.state, row.reason or "", moment(row.created_at))
            for row in store.sessions.list()
        ]
    show_table(("sandbox", "task", "data", "state", "reason", "started"), rows)


@results.command("list")
def list_results(
    task: TaskId,
    sample: Annotated[bool, typer.Option("--sample", help="Those on sample data; never beside full ones.")] = False,
    protocol: Annotated[
        Literal["strict", "mlgym"], typer.Option(help="Those of this protocol; the two measure different things.")
    ] = "strict",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """List the scored submissions of a task, best first."""
    metric = catalog(tasks_dir).get(task).ranking
    flavour = "sample" if sample else "full"
    with _store(data_dir) as store:
        rows_of_task = store.scores.of_task(task)
    found = [row for row in rows_of_task if (row.score.flavour, row.score.protocol) == (flavour, protocol)]
    scored = [row for row in found if metric.name in row.score.scores]
    scored.sort(key=lambda row: row.score.scores[metric.name], reverse=metric.goal == "maximize")
    rows = [
        (row.artefact[:12], f"{row.score.scores[metric.name]:.6g}", f"{row.score.reward:+.3f}", moment(row.at))
        for row in scored
    ]
    show_table(("artefact", metric.name, "reward", "scored"), rows)


@results.command("show")
def show_result(
    task: TaskId,
    artefact: Annotated[str, typer.Argument(help="The beginning of an artefact's name in `results list`.")],
    data_dir: DataDir = None,
) -> None:
    """Show all that is recorded of a submission's score."""
    with _store(data_dir) as store:
        found = [row.score for row in store.scores.of_task(task) if row.artefact.startswith(artefact)]
    if not found:
        raise SetupError(f"no submission to {task} has an artefact named {artefact}…; see `results list {task}`.")
    show_json(found[-1].model_dump_json())


def _store(data_dir: DataDir) -> "AbstractContextManager[Store]":
    from mlgym_mcp.store import Store

    return Store.open(Settings.load({"data_dir": data_dir}).data_dir)
