"""`prune`: room on the disk, taken from what nobody needs."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.catalogue import catalog
from mlgym_mcp.cli.console import run, show, show_table
from mlgym_mcp.cli.duration import seconds
from mlgym_mcp.cli.options import DataDir, TasksDir, chosen
from mlgym_mcp.cli.progress import Waiting
from mlgym_mcp.cli.sessions import as_operator
from mlgym_mcp.cli.size import shown, size
from mlgym_mcp.errors import DiskFull, SetupError

if TYPE_CHECKING:  # imported by the command when it runs
    from mlgym_mcp.pruning import Bounds, Report, Thing

DEFAULT_AGE = "30d"


def prune(  # noqa: PLR0913 - one parameter an option
    older_than: Annotated[
        str | None,
        typer.Option(help="What was not used for so long, such as 12h or 30d.", show_default=False),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(help="And what was not used for longest, until this much is left: 20GiB.", show_default=False),
    ] = None,
    submitted: Annotated[
        bool, typer.Option("--submitted", help="Also what was submitted or validated best: no rescoring of that.")
    ] = False,
    sessions: Annotated[
        bool, typer.Option("--sessions", help="Also the records of sessions that are on no leaderboard.")
    ] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Also images that no profile asks for; of all versions of this program.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Remove what nobody needs from the data and the cache folder; servers may run meanwhile.

    Artefacts but those submitted and those that validated best, archives of checkpoints, prepared data and sources,
    environments that no profile asks for, texts of papers, and what crashes have left. Nothing of a session that goes
    on, and nothing that was used in the last four hours. Without a bound: what was not used for 30 days.
    """
    from mlgym_mcp.pruning import Bounds, Extent, Inventory
    from mlgym_mcp.pruning import prune as pruned

    if older_than is None and max_size is None:
        older_than = DEFAULT_AGE
        show(f"Neither --older-than nor --max-size is given: what was not used for {DEFAULT_AGE}.")
    bounds = Bounds(
        None if older_than is None else seconds(older_than, "--older-than"),
        None if max_size is None else size(max_size, "--max-size"),
    )
    settings, extent = chosen(data_dir=data_dir), Extent(submitted, sessions, images)

    async def report() -> "Report":
        with as_operator(data_dir) as store:
            async with Inventory.open(store, catalog(tasks_dir), settings, extent) as inventory:
                with Waiting() as waiting:
                    return await pruned(inventory, bounds, time.time(), dry_run=dry_run, progress=waiting)

    try:
        _show(run(report), bounds, dry_run=dry_run)
    except DiskFull:
        raise SetupError(
            f"the disk is so full that not even `prune` can begin, which takes 1 MiB: remove a folder below "
            f"{settings.data_dir / 'prepared'} by hand, which is made again where it is needed, and prune again."
        ) from None


def _show(report: "Report", bounds: "Bounds", *, dry_run: bool) -> None:
    from mlgym_mcp.pruning import KINDS

    gone = set(report.gone)

    def row(kind: str, things: "list[Thing]") -> tuple[str, ...]:
        return (kind, *_sums(things), *_sums([thing for thing in things if thing not in gone]))

    rows = [row(kind, [thing for thing in report.things if thing.kind == kind]) for kind in KINDS]
    show_table(("", "before", "", "after", ""), [*rows, row("all", report.things)])
    for line in _remarks(report, bounds, dry_run=dry_run):
        show(line)


def _sums(things: "list[Thing]") -> tuple[str, str]:
    return str(len(things)), shown(sum(thing.size for thing in things))


def _remarks(report: "Report", bounds: "Bounds", *, dry_run: bool) -> Iterator[str]:
    if report.tokens:
        yield f"tokens of sessions that let nobody in any more: {report.tokens}"
    if report.records[0] != report.records[1]:
        yield f"mlgym.sqlite: {shown(report.records[0])} before, {shown(report.records[1])} after"
    if report.in_use:
        yield f"{report.in_use} came to be used meanwhile, or could not be removed, and are left"
    if bounds.max_size is not None and report.left > bounds.max_size:
        yield f"{shown(report.left)} are left, more than --max-size: the rest is needed, or was used of late"
    if dry_run:
        yield "Nothing was removed: this is what would go without --dry-run."
