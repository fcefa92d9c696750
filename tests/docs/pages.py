"""The pages that people read, and what stands in their fenced blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGES = tuple(
    path.relative_to(REPOSITORY).as_posix()
    for path in sorted(
        [
            *(REPOSITORY / "docs").glob("*.md"),
            *(REPOSITORY / name for name in ("README.md", "SECURITY.md", "clients/README.md", "docker/README.md")),
        ]
    )
)
SHOWN = {"", "text", "csv", "ini", "{toctree}", "{reference}"}
"""Languages of blocks that nobody types."""
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^(?:#|//|<!--) ([\w./-]+\.\w+)\b")
"""A first line that names the file that a block is."""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    """Where it begins in its page."""
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that it is to be, if it says one."""
        named = FILE.match(self.text)
        return named[1] if named and self.language not in ("sh", "console") else None


def blocks(page: str) -> list[Block]:
    """All that somebody may type or write down from a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        language = fence[2].split(" ")[0]
        if language not in SHOWN:
            body = re.sub(f"^{fence[1]}", "", fence[3], flags=re.MULTILINE)
            found.append(Block(page, text.count("\n", 0, fence.start()) + 1, language, body))
    return found
