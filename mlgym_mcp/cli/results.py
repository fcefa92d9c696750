"""`results`: scores of submissions, the artefacts they belong to, and whether they come out again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import moment, run, show, show_json, show_table
from mlgym_mcp.cli.options import DataDir, Sandbox, TaskId, TasksDir, chosen
from mlgym_mcp.cli.progress import Waiting
from mlgym_mcp.cli.sessions import open_store
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sessions.principal import LOCAL

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.scoring.comparison import Comparison
    from mlgym_mcp.scoring.score import Score
    from mlgym_mcp.sessions.leaderboard import Entry
    from mlgym_mcp.sessions.rescoring import Recorded, Wanted
    from mlgym_mcp.settings import Settings

app = typer.Typer(no_args_is_help=True)

Artefact = Annotated[
    str, typer.Argument(help="The beginning of an artefact's name in `results list`.", show_default=False)
]


@app.command("list")
def list_results(
    task: TaskId,
    sample: Annotated[bool, typer.Option("--sample", help="Those on sample data; never beside full ones.")] = False,
    protocol: Annotated[
        Literal["strict", "mlgym"], typer.Option(help="Those of this protocol; the two measure different things.")
    ] = "strict",
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """List the best submission of each session on a task, best first."""
    from mlgym_mcp.sessions.leaderboard import leaderboard

    with open_store(data_dir) as store:
        board = leaderboard(store, catalog(tasks_dir).get(task))
    entries = board.group("sample" if sample else "full", protocol).entries
    metric = board.metric.name
    columns = ("", "artefact", metric, "±", "reward", "on all examples", "scored")
    show_table(columns, [_line(entry, metric) for entry in entries])


@app.command("show")
def show_result(task: TaskId, artefact: Artefact, data_dir: DataDir = None) -> None:
    """Show all that is recorded of a submission's score."""
    with open_store(data_dir) as store:
        found = [row for row in store.scores.of_task(task) if row.artefact.startswith(artefact)]
    if not found:
        raise SetupError(f"no submission to {task} has an artefact named {artefact}…; see `results list {task}`.")
    if len(names := {row.artefact for row in found}) > 1:
        raise SetupError(f"more than one artefact is meant by {artefact!r}: {', '.join(sorted(names))}")
    show_json(found[-1].score.model_dump_json())


@app.command("artefact")
def unpack_artefact(
    artefact: Artefact,
    to: Annotated[Path, typer.Option(help="A new or empty folder.", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Unpack a kept artefact into a folder, to read it."""
    from mlgym_mcp.store.unpacking import unpack

    with open_store(data_dir) as store:
        found = store.artefacts.named(artefact) if artefact else []
        pruned = store.pruned.told(artefact)
    if not found and pruned:
        raise SetupError(f"the artefact {artefact} {pruned}; put it back from a backup to read it.")
    if not found:
        raise SetupError(f"no artefact's name begins with {artefact!r}; see: mlgym-mcp results list TASK")
    if len(found) > 1:
        raise SetupError(f"more than one artefact is meant by {artefact!r}: {', '.join(one.sha256 for one in found)}")
    count = unpack(found[0].path, to)
    show(f"{found[0].sha256}: {count} {'file' if count == 1 else 'files'} in {to}")


@app.command("rescore")
def rescore_artefact(  # noqa: PLR0913 - one parameter an option
    artefact: Artefact,
    task: Annotated[
        str | None,
        typer.Option(help="Among the artefacts of this task.", show_default=False, autocompletion=completion.tasks),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            help="As the session of this sandbox did.", show_default=False, autocompletion=completion.sessions
        ),
    ] = None,
    phase: Annotated[
        Literal["validate", "submit"] | None,
        typer.Option("--phase", "--as", help="As this scores it, whether it did or not.", show_default=False),
    ] = None,
    sandbox: Sandbox = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Score a kept artefact again, and say whether its score comes out again.

    What a session scored stays as it is; only an artefact that is held for the operator gets its score by this.
    """
    from mlgym_mcp.scoring.comparison import compare
    from mlgym_mcp.sessions.rescoring import Wanted

    wanted = Wanted(artefact, task, session, phase)
    settings = chosen(data_dir=data_dir, sandbox=sandbox, tasks_dirs=tuple(tasks_dir) if tasks_dir else None)
    found, score = run(lambda: _rescore(settings, wanted))
    compared = None if found.score is None else compare(found.score, score)
    show_table(("", "recorded", "now"), _side_by_side(found.score, score, compared))
    for circumstance in compared.changed if compared else ():
        show(f"not as it was when the score was recorded: {circumstance}")
    if score.outcome == "infrastructure_fault":
        raise SetupError("it could not be scored, through no fault of its own; the log above says why.")
    show(compared.agreement if compared else _first_verdict(found))
    if compared is not None and compared.agreement == "differs":
        raise SystemExit(1)


async def _rescore(settings: "Settings", wanted: "Wanted") -> "tuple[Recorded, Score]":
    from mlgym_mcp.server import catalog_of
    from mlgym_mcp.services import open_services
    from mlgym_mcp.sessions.rescoring import find, rescore
    from mlgym_mcp.store import Actor, Store, acting

    with Store.open(settings.data_dir) as store:
        found = find(store, wanted)  # before any sandbox is thought of
    async with open_services(settings, catalog_of(settings)) as services:
        with acting(Actor(LOCAL)):
            services.store.audit.write("results_rescore", session=found.row.id, artefact=found.artefact)
        with Waiting() as waiting:
            return found, await rescore(services, found, waiting)


def _first_verdict(found: "Recorded") -> str:
    return f"released: this is the session's {found.phase} score now" if found.held else "not scored so before"


def _side_by_side(before: "Score | None", after: "Score", compared: "Comparison | None") -> list[tuple[str, str, str]]:
    outcomes = ("outcome", before.outcome if before else "", after.outcome)
    codes = ("fault", (before and before.fault_code) or "", after.fault_code or "")
    faults = [codes] if codes[1:] != ("", "") else []
    if compared is not None:
        figures = [(one.metric, _number(one.before), _number(one.after)) for one in compared.figures]
    else:
        upstream = {f"{name} on all of the original's examples": v for name, v in (after.upstream_scores or {}).items()}
        figures = [(name, "", _number(value)) for name, value in {**after.scores, **upstream}.items()]
    rewards = ("reward", _number(before.reward if before else None), _number(after.reward))
    return [outcomes, *faults, *figures, rewards]


def _line(entry: "Entry", metric: str) -> tuple[str, ...]:
    upstream = (entry.upstream_scores or {}).get(metric)
    reward = "" if entry.reward is None else f"{entry.reward:+.3f}"
    error = "" if entry.standard_error is None else f"{entry.standard_error:.2g}"
    figures = (f"{entry.value:.6g}", error, reward, _number(upstream))
    marks = ["branched"] * entry.branched + [f"with {aid}" for aid in entry.aids]
    return (str(entry.rank), entry.artefact, *figures, ", ".join([moment(entry.at), *marks]))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
