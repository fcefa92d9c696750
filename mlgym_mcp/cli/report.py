"""`report`: the figures, tables and plots of runs, or of any table of scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import show, show_table
from mlgym_mcp.cli.options import TasksDir
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:  # imported by the command that needs them
    from mlgym_clients.records.task import TaskFacts
    from mlgym_clients.reports.sections import Report, Section

    from mlgym_mcp.tasks.spec import TaskSpec


def report(  # noqa: PLR0913 - one parameter an option
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders that `run` wrote.", show_default=False)] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="A CSV file with columns method, task, score instead of runs.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Where to write; default: `report` in the first run's folder.", show_default=False),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="Of best and pass at k; default: all attempts.", show_default=False)
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Beside what can be compared, the models of the original's paper.")
    ] = False,
    tasks_dir: TasksDir = None,
) -> None:
    """Compute what attempts came to: a page, plots, and tables in CSV and JSON.

    Best attempt@k and submission@k, pass@k, means, performance profiles and AUP, bootstrap intervals, ranks, and how
    agents worked. Data of different flavours and scores of different protocols are never mixed.
    """
    from mlgym_clients.metrics.of_csv import BadTable, read_table
    from mlgym_clients.metrics.of_runs import MixedScores
    from mlgym_clients.records.folder import NoRun
    from mlgym_clients.reports.files import ExtraMissing, write_report
    from mlgym_clients.reports.sections import Source, report_of_runs, report_of_scores

    if bool(runs) == (scores is not None):
        raise SetupError("name the folders of runs, or a table with --scores.")
    try:
        if scores is not None:
            known = {task.id: _facts(task) for task in catalog(tasks_dir).list()}
            made, place = report_of_scores(read_table(scores, known), scores.stem, k=k), Path(f"{scores.stem}-report")
        else:
            sources = [Source.read(path) for path in runs or ()]
            made, place = report_of_runs(sources, k=k, published=published), sources[0].folder.path / "report"
        page = write_report(made, to or place)
    except (BadTable, ExtraMissing, MixedScores, NoRun) as error:
        raise SetupError(str(error)) from None
    except OSError as error:
        raise SetupError(f"the report can't be written: {error}; name another place with --to.") from None
    _tell(made)
    show(f"{page}")


def _tell(made: "Report") -> None:
    for section in made.sections:
        show(f"{section.title}, k = {section.summary.k}")
        show_table(("method", "AUP attempts", "AUP submissions", "fixed AUP", "rank", "Borda"), _lines(section))
    if not made.sections:
        show("no attempt is finished yet")


def _lines(section: "Section") -> list[tuple[str, ...]]:
    attempts, submissions = (section.summary.methods[which] for which in ("attempt", "submission"))
    return [
        (
            method,
            f"{found.aup:.3f}",
            f"{submissions[method].aup:.3f}",
            "–" if found.fixed_aup is None else f"{found.fixed_aup:.3f}",
            f"{found.average_rank:.2f}",
            f"{found.borda:g}",
        )
        for method, found in sorted(attempts.items(), key=lambda item: -item[1].aup)
    ]


def _facts(task: "TaskSpec") -> "TaskFacts":
    """A task as a server tells it to who runs agents, of the catalogue that is installed here."""
    from mlgym_clients.records.task import TaskFacts

    from mlgym_mcp.tools.answers import TaskRecord

    return TaskFacts.model_validate(TaskRecord.of(task).model_dump())
