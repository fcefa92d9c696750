"""People at a terminal, whose lines are written beforehand."""

import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mlgym_clients.agents.human import HumanAgent
from rich.console import Console


@dataclass
class Editor:
    """Changes a text as it is told to, and keeps what it was shown."""

    old: str = ""
    new: str = ""
    opened: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, text: str, suffix: str) -> str:
        self.opened.append((text, suffix))
        return text.replace(self.old, self.new) if text else self.new


@contextmanager
def somebody(*lines: str, editor: Editor | None = None) -> Iterator[tuple[HumanAgent, io.StringIO]]:
    """Somebody who types these lines, and what the terminal shows."""
    ours, theirs = pty.openpty()
    shown = io.StringIO()
    console = Console(file=shown, width=100, highlight=False, markup=False)
    with open(theirs, encoding="utf-8") as typed:
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        yield HumanAgent(typed, console, editor or Editor()), shown
    os.close(ours)
