"""What goes on while a person waits: a bar on a terminal, else a line now and then; on stderr, beside results."""

import re
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mlgym_mcp.inert import plain

if TYPE_CHECKING:  # imported where somebody waits
    from rich.console import Console
    from rich.progress import Progress

PAUSE = 5.0
"""Seconds between two lines where there is no terminal."""
SHARE = re.compile(r"(\d+)(?: of |/)(\d+)\b")
"""How steps tell how far they are: `downloading x: 32 of 120 MiB`, `Step 3/12 : RUN …`."""


class Waiting:
    """Called with each line of what goes on; shows the latest, and how far it is where the line says so."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._told = -PAUSE
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = _bar_on(self._console)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    async def __call__(self, line: str) -> None:
        """Take note of what goes on now."""
        self.tells(line)

    def tells(self, line: str) -> None:
        """The same, for work that is not asynchronous."""
        line = plain(" ".join(line.split()))
        if self._bar is not None:
            share = SHARE.search(line)
            done, total = (float(share[1]), float(share[2])) if share else (0.0, None)
            task = self._bar.task_ids[0]
            self._bar.update(task, description=line, completed=done, total=total or None)
        elif time.monotonic() - self._told >= PAUSE:
            self._told = time.monotonic()
            self.says(line)

    def says(self, line: str) -> None:
        """Print a line that is to stay."""
        console = self._bar.console if self._bar is not None else self._console
        console.print(f"  {plain(line)}", highlight=False, markup=False, soft_wrap=True)


def _bar_on(console: "Console") -> "Progress":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    text = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
    bar = Progress(
        SpinnerColumn(), text, BarColumn(20), TimeElapsedColumn(), console=console, transient=True, expand=True
    )
    bar.add_task("", total=None)
    return bar
