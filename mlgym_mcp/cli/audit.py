"""`audit`: who did what."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from mlgym_mcp.cli.console import show_table
from mlgym_mcp.cli.duration import seconds
from mlgym_mcp.cli.options import DataDir, chosen

COLUMNS = ("time", "event", "principal", "token", "session", "address")


def audit(
    since: Annotated[str | None, typer.Option(help="How far back, such as 12h or 30d.", show_default=False)] = None,
    principal: Annotated[
        str | None, typer.Option(help="Only what this one did, or what became of its sessions.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the audit log: tokens, sessions and refusals. Sessions go by a fingerprint of their handle."""
    from mlgym_mcp.store import AuditLog

    folder = chosen(data_dir=data_dir).data_dir
    # As text: all are written alike, in UTC.
    earliest = "" if since is None else (datetime.now(UTC) - timedelta(seconds=seconds(since, "--since"))).isoformat()
    lines = [
        line
        for line in AuditLog(folder).lines()
        if str(line.get("time", "")) >= earliest and principal in (None, line.get("principal"), line.get("owner"))
    ]
    show_table((*COLUMNS, "details"), [_row(line) for line in lines])


def _row(line: Mapping[str, object]) -> tuple[str, ...]:
    details = [f"{name}: {value}" for name, value in line.items() if name not in (*COLUMNS, "request")]
    return (*(str(line.get(column, "")) for column in COLUMNS), ", ".join(details))
