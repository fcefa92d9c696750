"""Blocks: the parts that an event is shown in, cut where they are long."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

HEAD, TAIL = 2400, 1600
"""Characters at both ends of a text that are shown of it."""
HEAD_LINES, TAIL_LINES = 24, 12
COMPARED = 40_000
"""Lines of the one text times lines of the other, up to which they are compared; anything more could take minutes."""
CONTEXT = 3
AROUND = 400
"""Characters before what is looked for, and twice as many after it."""

Change: TypeAlias = Literal["same", "removed", "added", "gap"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `tail` and what is left out before it only where it was cut."""

    label: str
    head: str
    left_out: str = ""
    """How much, in words."""
    tail: str = ""
    sort: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Diff:
    """What an edit changed, line by line."""

    label: str
    lines: tuple[tuple[Change, str], ...]
    left_out: str = ""
    sort: Literal["diff"] = "diff"


Block: TypeAlias = Text | Diff


@dataclass(frozen=True, slots=True)
class Cutting:
    """How long texts are cut: to head and tail, or to where something is found that is looked for; or not at all."""

    whole: bool = False
    sought: str = ""

    def text(self, label: str, content: str) -> Text:
        """A text, as much of it as is shown."""
        if self.whole:
            return Text(label, content)
        head, tail = _head(content, HEAD, HEAD_LINES), _tail(content, TAIL, TAIL_LINES)
        if len(head) + len(tail) >= len(content):
            return Text(label, content)
        found = content.lower().find(self.sought.lower()) if self.sought else -1
        if len(head) <= found < len(content) - len(tail):
            return Text(
                label, _head(content, AROUND, 2), "the rest, but for what is looked for,", _around(content, found)
            )
        lines = content.count("\n", len(head), len(content) - len(tail))
        return Text(label, head, f"{len(content) - len(head) - len(tail):,} characters, {lines:,} lines", tail)

    def diff(self, label: str, old: str, new: str) -> Diff:
        """How one text became another."""
        before, after = old.splitlines(), new.splitlines()
        if len(before) * len(after) > COMPARED:
            lines: list[tuple[Change, str]] = [("removed", line) for line in before]
            lines += [("added", line) for line in after]
        else:
            lines = _compared(before, after)
        most = len(lines) if self.whole else HEAD_LINES + TAIL_LINES
        shown = [(change, line if self.whole else _head(line, HEAD, 1)) for change, line in lines[:most]]
        left = len(lines) - len(shown)
        return Diff(label, tuple(shown), f"{left:,} lines" if left else "")


def _compared(before: Sequence[str], after: Sequence[str]) -> list[tuple[Change, str]]:
    lines: list[tuple[Change, str]] = []
    changes = difflib.unified_diff(before, after, n=CONTEXT, lineterm="")
    for place, line in enumerate(changes):
        if place < 2 or (place == 2 and line.startswith("@@")):  # names of files, and where the first part begins
            continue
        if line.startswith("@@"):
            lines.append(("gap", ""))
        else:
            sorts: dict[str, Change] = {"+": "added", "-": "removed", " ": "same"}
            lines.append((sorts[line[0]], line[1:]))
    return lines


def _head(content: str, characters: int, lines: int) -> str:
    """The beginning of a text, by whichever is less."""
    end = -1
    for _ in range(lines):
        end = content.find("\n", end + 1, characters)
        if end < 0:
            return content[:characters]
    return content[: end + 1]


def _tail(content: str, characters: int, lines: int) -> str:
    """The end of a text, in the same way."""
    return _head(content[::-1], characters, lines)[::-1]


def _around(content: str, place: int) -> str:
    """What stands before and after a place in a text."""
    before = _tail(content[max(0, place - AROUND) : place], AROUND, 4)
    return before + _head(content[place : place + 2 * AROUND], 2 * AROUND, 6)
