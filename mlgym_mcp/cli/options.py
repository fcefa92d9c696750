"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlgym_mcp.cli import completion

if TYPE_CHECKING:
    from mlgym_mcp.settings import Settings

Sandbox = Annotated[
    Literal["auto", "docker", "bubblewrap", "ray"] | None,
    typer.Option(help="How sandboxes are made.", show_default=False),
]
Flavour = Annotated[
    Literal["auto", "full", "sample"] | None,
    typer.Option(help="Official data, small made data, or the first that is there.", show_default=False),
]
TasksDir = Annotated[
    list[Path] | None, typer.Option(help="A folder of further tasks; may be repeated.", show_default=False)
]
DataDir = Annotated[
    Path | None, typer.Option(help="Where sessions, artefacts and scores are kept.", show_default=False)
]
Profiles = Annotated[
    list[str] | None,
    typer.Argument(
        help="Profiles of `env list`; when none is named, all but the variants for GPUs.",
        show_default=False,
        autocompletion=completion.profiles,
    ),
]
TaskId = Annotated[
    str, typer.Argument(help="A task id of `tasks list`.", show_default=False, autocompletion=completion.tasks)
]


def chosen(**given: object) -> "Settings":
    """The settings, those first that were given on the command line; what is None was not given."""
    from mlgym_mcp.settings import Settings  # heavy, and of no use to whoever asks for help or completes a word

    return Settings.load(given)
