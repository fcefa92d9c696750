"""What shells offer to complete: looked up without a task read or the store opened, for somebody waits at a key."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import typer

from mlgym_mcp import assets
from mlgym_mcp.errors import MLGymError

LATEST = "SELECT sandbox FROM sessions ORDER BY created_at DESC LIMIT 200"


def tasks(context: typer.Context, incomplete: str) -> list[str]:
    """The ids of the shipped tasks, and of those in the folders that the command line names."""
    folders = [assets.folder("tasks"), *map(Path, context.params.get("tasks_dir") or ())]
    return _beginning(incomplete, (path.parent.name for folder in folders for path in folder.glob("*/task.yaml")))


def profiles(incomplete: str) -> list[str]:
    """The names of profiles."""
    from mlgym_mcp.sandbox.profiles import names

    return _beginning(incomplete, names(cuda=True))


def agents(incomplete: str) -> list[str]:
    """The kinds of agents."""
    from mlgym_clients.agents.kinds import KINDS

    return _beginning(incomplete, KINDS)


def sessions(context: typer.Context, incomplete: str) -> list[str]:
    """The latest sessions by their sandboxes' names."""
    from mlgym_mcp.cli.options import chosen

    with suppress(MLGymError, OSError, sqlite3.Error):  # an error would stand in the middle of a command
        file = chosen(data_dir=context.params.get("data_dir")).data_dir / "mlgym.sqlite"
        # Not through the store, which takes half a second to import.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0.1)) as database:
            return _beginning(incomplete, (name for (name,) in database.execute(LATEST) if name))
    return []


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})
