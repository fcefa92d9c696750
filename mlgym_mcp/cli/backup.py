"""`backup`: a data folder, to put in its place again."""

from pathlib import Path
from typing import Annotated

import typer

from mlgym_mcp.cli.console import show
from mlgym_mcp.cli.options import DataDir
from mlgym_mcp.cli.progress import Waiting
from mlgym_mcp.cli.sessions import as_operator
from mlgym_mcp.cli.size import shown


def backup(
    to: Annotated[Path, typer.Argument(help="A new or empty folder.", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Copy what can't be made again of a data folder; servers may run meanwhile. The copy is a data folder itself.

    Sessions, scores, tokens, notes, artefacts, archives of checkpoints, the secret and the audit log. Sandboxes are not
    in it: a session that goes on now is lost in the copy, with all that was recorded of it kept.
    """
    from mlgym_mcp.store.backup import back_up

    with as_operator(data_dir) as store:
        with Waiting() as waiting:
            made = back_up(store, to, waiting.tells)
        store.audit.write("backup", bytes=made.size)
    show(f"{made.files} files, {shown(made.size)}, in {to}")
