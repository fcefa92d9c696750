"""`export`, `import` and `replay`: what agents did, as data."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from mlgym_mcp import __version__
from mlgym_mcp.cli.console import run, show, show_table
from mlgym_mcp.cli.options import DataDir, Flavour, Sandbox, TasksDir
from mlgym_mcp.cli.runs import RUNS, SERVE, mendable, server_headers
from mlgym_mcp.errors import SetupError

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_clients.trajectories.replay import Replayed

T = TypeVar("T")

FILES = {"chat": "chat.jsonl", "traj": "traj", "atif": "atif"}
"""Where each format is written in a run's folder, unless told."""

Selected = Annotated[list[str] | None, typer.Option(help="Those alone; may be repeated.", show_default=False)]


def export_run(  # noqa: PLR0913 - one parameter an option
    folder: Annotated[Path, typer.Argument(help="A run's folder.", show_default=False)],
    kind: Annotated[
        Literal["traj", "chat", "atif"],
        typer.Option("--format", help="MLGym's own, conversations for fine-tuning, or Harbor's."),
    ] = "traj",
    to: Annotated[
        Path | None, typer.Option(help="A folder, for chat a file; default: in the run's.", show_default=False)
    ] = None,
    task: Selected = None,
    agent: Selected = None,
    scored: Annotated[bool, typer.Option("--scored", help="Those alone whose submission has a score.")] = False,
    above: Annotated[
        float | None, typer.Option(help="Those alone with a reward above this.", show_default=False)
    ] = None,
    best: Annotated[int | None, typer.Option(min=1, help="So many of each task.", show_default=False)] = None,
    tools: Annotated[bool, typer.Option("--tools", help="For chat: the tools' schemas in each line.")] = False,
) -> None:
    """Write the trajectories of a run in a format of others; says what was left out, and what a format drops."""
    from mlgym_clients.records.folder import RunFolder
    from mlgym_clients.trajectories.exporting import LOSSES, export
    from mlgym_clients.trajectories.selection import Selection, select
    from mlgym_clients.trajectories.trajectory import read_one

    with _mendable():
        kept = RunFolder(folder)
        wanted = Selection(tuple(task or ()), tuple(agent or ()), scored, above, best)
        chosen = select(kept.attempts(), kept.read_run(), wanted)
        place = to or folder / FILES[kind]
        schemas = _asked(_schemas) if tools and kind == "chat" else []
        found = (read_one(kept, attempt) for attempt in chosen.chosen)
        number = export(found, place, kind, version=__version__, tools=schemas)
    show(f"{number} written to {place}")
    for reason, count in chosen.left_out.items():
        show(f"{count} left out: {reason}")
    show("\n".join(["dropped:", *(f"- {loss}" for loss in LOSSES[kind])]))


def import_files(
    files: Annotated[list[Path], typer.Argument(help=".traj, ATIF or exported sessions.", show_default=False)],
    to: Annotated[Path, typer.Option(help="The folder of the run that they become.", show_default=False)],
    task: Annotated[
        str | None, typer.Option(help="Their task, where their names don't tell.", show_default=False)
    ] = None,
    agent: Annotated[str | None, typer.Option(help="A name for who it was.", show_default=False)] = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Make a run of trajectories of elsewhere, which reports can read; says what is dropped."""
    from mlgym_clients.runs.catalogue import read_catalogue
    from mlgym_clients.trajectories.importing import Origin, import_all
    from mlgym_clients.trajectories.traj_reading import LOSSES

    with _mendable():
        known = _asked(read_catalogue, tasks_dir)
        facts = import_all(files, known, to, Origin(task, agent))
    show(f"{len(files)} written to {to}: {facts.flavour} data, protocol {facts.protocol}")
    show(f"its report: mlgym-mcp report {to}")
    if any(file.suffix == ".traj" for file in files):
        show("\n".join(["dropped:", *(f"- {loss}" for loss in LOSSES)]))


def replay(  # noqa: PLR0913 - one parameter an option
    trajectory: Annotated[
        Path, typer.Argument(help="An attempt's folder, an exported session, a .traj or ATIF.", show_default=False)
    ],
    task: Annotated[str | None, typer.Option(help="Its task, where it does not tell.", show_default=False)] = None,
    to: Annotated[Path | None, typer.Option(help="The folder of the run that it is.", show_default=False)] = None,
    url: Annotated[
        str | None, typer.Option(help="A server that runs already, without path.", show_default=False)
    ] = None,
    flavour: Flavour = None,
    protocol: Annotated[
        Literal["strict", "mlgym"] | None, typer.Option(help="Default: the recording's.", show_default=False)
    ] = None,
    sandbox: Sandbox = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Do again what was done in a trajectory, and tell where it came out otherwise. Status 1 when it did anywhere."""
    from mlgym_clients.records.attempt import AttemptKey
    from mlgym_clients.records.folder import RunFolder
    from mlgym_clients.runs.plan import Plan
    from mlgym_clients.runs.run import Order, carry_out
    from mlgym_clients.trajectories.reading import read

    with _mendable():
        recorded = read(trajectory, task=task).attempt
        name = task or recorded.task
        place = to or RUNS / f"{datetime.now():replay-%Y-%m-%d-%H%M%S}"
        agent = {"kind": "replay", "file": str(trajectory.absolute()), "task": name}
        options: dict[str, Any] = {"tasks": [name], "agents": [agent], "attempts": 1, "concurrency": 1, "url": url}
        options |= {"protocol": protocol or recorded.protocol, "flavour": flavour or recorded.flavour}
        options |= {"sandbox": sandbox, "data_dir": data_dir, "tasks_dirs": tasks_dir}
        asked = Plan.read(None, options).model_copy(update={"steps": None})
        outcome = carry_out(Order(asked, place, SERVE, server_headers(), __version__))
        report = RunFolder(place).attempt_folder(AttemptKey(name, "replay", 1)) / "replay.json"
    if outcome == "interrupted":
        raise SystemExit(130)
    raise SystemExit(_told(report))


def _told(report: Path) -> int:
    """Show what a replay came to; the command's status."""
    from mlgym_clients.trajectories.replay import Replayed

    if not report.is_file():
        raise SetupError(f"the trajectory could not be replayed; {report.parent}/attempt.json says why.")
    replayed = Replayed.model_validate_json(report.read_text(encoding="utf-8"))
    _show_steps(replayed)
    first = replayed.first
    show("nothing diverged" if first is None else f"diverged first at step {first.number}: {first.action}")
    show(f"all of it: {report}")
    return 0 if first is None else 1


def _show_steps(replayed: "Replayed") -> None:
    rows = [(str(one.number), one.action, one.verdict, one.detail) for one in replayed.steps]
    show_table(("step", "action", "verdict", "detail"), rows)


def _asked(what: Callable[[Any], Awaitable[T]], tasks_dir: list[Path] | None = None) -> T:
    """What a server of our own answers."""
    from mlgym_clients.server import started

    options = [part for path in tasks_dir or () for part in ("--tasks-dir", str(path.absolute()))]

    async def ask() -> T:
        with TemporaryDirectory() as folder:
            data = ("--data-dir", f"{folder}/data")
            async with started([*SERVE, *data, *options], Path(folder) / "log") as server, server.connect() as client:
                return await what(client)

    return run(ask)


async def _schemas(client: Any) -> list[dict[str, Any]]:
    """The tools of an agent in its seat."""
    from mlgym_clients.trajectories.replay import TOOLS

    listed = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True) for tool in listed if tool.name in TOOLS]


@contextmanager
def _mendable() -> Iterator[None]:
    """What a user can mend is told in one sentence."""
    from mlgym_clients.trajectories.trajectory import BadTrajectory

    try:
        with mendable():
            yield
    except BadTrajectory as error:
        raise SetupError(str(error)) from None
    except OSError as error:
        raise SetupError(f"it can't be written: {error}; name another place with --to.") from None
