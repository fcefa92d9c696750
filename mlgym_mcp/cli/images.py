"""`images`: what Docker sandboxes are made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli import completion
from mlgym_mcp.cli.console import run, show, show_table
from mlgym_mcp.cli.options import Profiles, chosen
from mlgym_mcp.cli.progress import Waiting

if TYPE_CHECKING:  # imported by the commands that need them
    from mlgym_mcp.sandbox.images import Images
    from mlgym_mcp.sandbox.inspection import Inspection

app = typer.Typer(no_args_is_help=True)

Built = Annotated[
    list[str] | None,
    typer.Argument(
        help="Profiles; all that are built when none is named.", show_default=False, autocompletion=completion.profiles
    ),
]
NOT_BUILT = ("not built", "")


@app.command("list")
def list_images() -> None:
    """List the images of the profiles, and which are built."""
    from mlgym_mcp.sandbox import profiles

    async def rows() -> list[tuple[str, ...]]:
        async with _images() as there:
            found: list[tuple[str, ...]] = []
            for profile in map(profiles.load, profiles.names(cuda=True)):
                image = await there.find(profile)
                told = (_megabytes(image.size), image.id) if image else NOT_BUILT
                found.append((profile.name, "CUDA" if profile.cuda else "", there.tag(profile), *told))
            return found

    show_table(("profile", "variant", "image", "size", "digest"), run(rows))


@app.command("build")
def build_images(names: Profiles = None) -> None:
    """Build images ahead of their first use."""
    from mlgym_mcp.sandbox import profiles

    async def build() -> None:
        async with _images() as there:
            for profile in map(profiles.load, names or profiles.names()):
                with Waiting() as waiting:
                    await there.built(profile, waiting)
                show(f"{profile.name}: {there.tag(profile)}")

    run(build)


@app.command("check")
def check_images(names: Built = None) -> None:
    """Look into images, each in a sandbox made of it; fails if one is not what it should be."""
    found = run(lambda: _inspections(names or []))
    show_table(
        ("profile", "", "size", "Python", "packages", "build", "digest"),
        [
            (
                one.profile,
                "FAILED" if one.faults else "ok",
                _megabytes(one.image.size),
                one.python,
                str(one.packages),
                "CUDA" if one.cuda else "CPU",
                one.image.id,
            )
            for one in found
        ],
    )
    for one in found:
        for fault in one.faults:
            show(f"{one.profile}: {fault}")
    if any(one.faults for one in found):
        raise SystemExit(1)


async def _inspections(names: list[str]) -> "list[Inspection]":
    from mlgym_mcp.sandbox import profiles
    from mlgym_mcp.sandbox.inspection import inspect
    from mlgym_mcp.services import open_docker
    from mlgym_mcp.store import Store

    settings, found = chosen(), []
    with Store.open(settings.data_dir) as store:
        async with _images() as there, open_docker(settings) as backend:
            with Waiting() as waiting:
                for profile in map(profiles.load, names or profiles.names(cuda=True)):
                    if names or await there.find(profile):
                        await waiting(f"looking into {there.tag(profile)}")
                        found.append(await inspect(profile, there, backend, store.sandbox_id()))
    return found


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


@asynccontextmanager
async def _images() -> AsyncIterator["Images"]:
    from mlgym_mcp.sandbox.docker import open_engine
    from mlgym_mcp.services import images_of

    async with open_engine() as engine:
        yield images_of(chosen(), engine)
