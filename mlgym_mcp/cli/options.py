"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Sandbox = Annotated[
    Literal["auto", "docker", "bubblewrap"] | None, typer.Option(help="How sandboxes are made.", show_default=False)
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
        help="Profiles of `env list`; when none is named, all but the variants for GPUs.", show_default=False
    ),
]
TaskId = Annotated[str, typer.Argument(help="A task id of `tasks list`.", show_default=False)]
