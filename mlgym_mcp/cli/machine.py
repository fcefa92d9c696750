"""`doctor`, `env` and `images`: what this machine can make sandboxes of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.console import run, show, show_table, tell
from mlgym_mcp.settings import Settings

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.sandbox.environments import Environments
    from mlgym_mcp.sandbox.images import Images
    from mlgym_mcp.sandbox.probes import Finding

environments = typer.Typer(no_args_is_help=True)
images = typer.Typer(no_args_is_help=True)

Profiles = Annotated[list[str] | None, typer.Argument(help="Profiles of `env list`; all of them when none is named.")]


def doctor() -> None:
    """Say which sandboxes work on this machine, and the command that mends what does not."""
    from mlgym_mcp import doctor as examiner

    async def look() -> "list[Finding]":
        settings = Settings.load()
        return await examiner.findings(settings.cache_dir, settings.docker_runtime)

    found = run(look)
    show(examiner.table(found))
    if not examiner.able(found):
        raise SystemExit(1)


@environments.command("list")
def list_environments() -> None:
    """List the profiles, and which are built."""
    from mlgym_mcp.sandbox import profiles

    async def rows() -> list[tuple[str, str]]:
        there = await _environments()
        found = [(name, there.prepared(profiles.load(name))) for name in profiles.names()]
        return [(name, built.digest if built else "not built") for name, built in found]

    show_table(("profile", "digest"), run(rows))


@environments.command("prepare")
def prepare_environments(names: Profiles = None) -> None:
    """Build environments ahead of their first use."""
    from mlgym_mcp.sandbox import profiles

    async def prepare() -> None:
        there = await _environments()
        for profile in map(profiles.load, names or profiles.names()):
            show(f"{profile.name}: {(await there.prepare(profile, tell)).digest}")

    run(prepare)


@images.command("list")
def list_images() -> None:
    """List the images of the profiles, and which are built."""
    from mlgym_mcp.sandbox import profiles

    async def rows() -> list[tuple[str, str, str]]:
        async with _images() as there:
            named = [profiles.load(name) for name in profiles.names()]
            return [(one.name, there.tag(one), "built" if await there.exists(one) else "not built") for one in named]

    show_table(("profile", "image", ""), run(rows))


@images.command("build")
def build_images(names: Profiles = None) -> None:
    """Build images ahead of their first use."""
    from mlgym_mcp.sandbox import profiles

    async def build() -> None:
        async with _images() as there:
            for profile in map(profiles.load, names or profiles.names()):
                show(f"{profile.name}: {await there.build(profile, tell)}")

    run(build)


async def _environments() -> "Environments":
    from mlgym_mcp.sandbox.environments import Environments, find_interpreter

    return Environments(Settings.load().cache_dir, await find_interpreter())


@asynccontextmanager
async def _images() -> AsyncIterator["Images"]:
    from mlgym_mcp.sandbox.docker import open_engine
    from mlgym_mcp.sandbox.images import Images

    async with open_engine() as engine:
        yield Images(engine, Settings.load().cache_dir)
