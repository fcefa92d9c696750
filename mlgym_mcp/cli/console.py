"""What commands print, and how they run what is asynchronous."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import anyio

from mlgym_mcp.inert import plain

T = TypeVar("T")

PIPED_WIDTH = 200
"""Characters of a line that no terminal limits."""


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run an asynchronous piece of work to its end; an error is raised as it was, whatever task groups it ended."""
    try:
        return anyio.run(work)
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def show(what: object) -> None:
    """Print a text, nothing of which acts on the terminal, or anything that rich can render."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, PIPED_WIDTH)
    # Brackets in a path or a reason are no markup.
    console.print(plain(what) if isinstance(what, str) else what, highlight=False, markup=not isinstance(what, str))


def show_json(document: str) -> None:
    """Print a JSON document, indented."""
    from rich.console import Console

    Console().print_json(document, ensure_ascii=True)  # what an agent's program raised may be in it


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    show(table)


def moment(stamp: float) -> str:
    """Seconds since the epoch, as local time."""
    return datetime.fromtimestamp(stamp).strftime("%Y-%m-%d %H:%M")
