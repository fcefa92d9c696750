"""`doctor` and `env`: what this machine can make sandboxes of."""

from typing import TYPE_CHECKING

import typer

from mlgym_mcp.cli.console import run, show, show_table
from mlgym_mcp.cli.next_step import next_step
from mlgym_mcp.cli.options import Profiles, chosen
from mlgym_mcp.cli.progress import Waiting

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.sandbox.environments import Environments

environments = typer.Typer(no_args_is_help=True)


def doctor() -> None:
    """Say which sandboxes work on this machine, and the command that mends what does not."""
    from mlgym_mcp import doctor as examiner

    settings = chosen()
    found = run(lambda: examiner.findings(settings))
    show(examiner.table(found))
    show(f"\n{next_step(found, settings)}")
    if not examiner.able(found):
        raise SystemExit(1)


@environments.command("list")
def list_environments() -> None:
    """List the profiles, and which are built."""
    from mlgym_mcp.sandbox import profiles

    async def rows() -> list[tuple[str, str]]:
        there = await _environments()
        found = [(name, there.prepared(profiles.load(name))) for name in profiles.names(cuda=True)]
        return [(name, built.digest if built else "not built") for name, built in found]

    show_table(("profile", "digest"), run(rows))


@environments.command("prepare")
def prepare_environments(names: Profiles = None) -> None:
    """Build environments ahead of their first use."""
    from mlgym_mcp.sandbox import profiles

    async def prepare() -> None:
        there = await _environments()
        for profile in map(profiles.load, names or profiles.names()):
            with Waiting() as waiting:
                made = await there.prepare(profile, waiting)
            show(f"{profile.name}: {made.digest}")

    run(prepare)


async def _environments() -> "Environments":
    from mlgym_mcp.sandbox.environments import Environments, find_interpreter

    return Environments(chosen().cache_dir, await find_interpreter())
