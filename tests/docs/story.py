"""A page's blocks as one script, so that each goes on where the one before it stopped, as for whoever reads it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from tests.docs.pages import Block

SERVER = re.compile(r"^([^#\n]*\bmlgym-mcp (?:serve --http|view)\b[^#\n]*)(#.*)?$", re.MULTILINE)
"""A line that starts what goes on until it is ended: the lines below it are typed at another terminal."""
PROLOGUE = """\
set -Eeuo pipefail
begun=0
trap 'echo "stopped in $at" >&2; cat {said}/*.log >&2' ERR
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
begin() {{ # in the background, until it says where it is
  log={said}/$((++begun)).log
  : >"$log"
  "$@" 2>"$log" &
  grep --quiet --extended-regexp --max-count 1 ' http://[^ ]+$' <(tail --follow --lines +1 --pid $! "$log")
}}
"""
NUMBER = r"\d[\d.,]*"


@dataclass(frozen=True)
class Shown:
    """What a page shows that a command prints."""

    place: str
    text: str
    file: Path
    """Where it goes when it is run."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The text; numbers are any numbers, gaps any gaps, and dots of an ellipsis anything."""
        parts = re.split(rf"(…|\s+|{NUMBER})", self.text.strip())
        return re.compile("".join(map(_pattern, parts)), re.DOTALL)

    def came(self) -> bool:
        """Whether it was printed."""
        return self.pattern.search(self.file.read_text(encoding="utf-8")) is not None


@dataclass(frozen=True)
class Story:
    """A script, and what it should print."""

    script: str
    shown: tuple[Shown, ...]


def story_of(blocks: Iterable[Block], said: Path) -> Story:
    """The story of blocks; what commands print goes into files of the folder `said`."""
    lines: list[str] = [PROLOGUE.format(said=said)]
    shown: list[Shown] = []
    for block in blocks:
        lines.append(f"at={quote(block.place)}")
        if block.file is not None:
            lines.append(_heredoc(f"mkdir --parents {Path(block.file).parent}; cat >{block.file}", block.text))
        elif block.language == "sh":
            lines.append(SERVER.sub(r"begin env \1", block.text))
        elif block.language == "console":
            for command, text in _dialogue(block.text):
                shown.append(Shown(block.place, text, said / str(len(shown))))
                lines.append(f"{{ {command}\n}} 2>&1 | tee {shown[-1].file}")
        elif block.language == "python":
            lines.append(_heredoc("python -", block.text))
    return Story("\n".join(lines) + "\n", tuple(shown))


def _dialogue(text: str) -> list[tuple[str, str]]:
    """Commands, and what each prints."""
    found = re.findall(r"^\$ (.*(?:\n> .*)*)\n?((?:(?!\$ ).*\n?)*)", text, re.MULTILINE)
    return [(command.replace("\n> ", "\n"), printed) for command, printed in found]


def _heredoc(command: str, text: str) -> str:
    return f"{command} <<'END OF BLOCK'\n{text}END OF BLOCK"


def _pattern(part: str) -> str:
    if part == "…":
        return ".*?"
    if part.isspace():
        return r"\s+"
    return NUMBER if re.fullmatch(NUMBER, part) else re.escape(part)
