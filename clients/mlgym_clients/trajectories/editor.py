"""MLGym's own commands at an open file, as calls of our tools that do the same to it.

Its check of Python code is left out: an edit that it refused changes nothing there, and is told by what it showed.
"""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from mlgym_clients.trajectories.event import ORIGINAL, WORKSPACE

HOME = "/home/agent/workspace"
REFUSED = re.compile(
    r"introduced new syntax error|edit has NOT been applied|not been applied|No file open", re.IGNORECASE
)
EDIT = re.compile(r"edit\s+(\d+):(\d+)[^\n]*\n(.*?)\n?end_of_edit\s*", re.DOTALL)
INSERT = re.compile(r"insert\s+(\d+)[^\n]*\n(.*?)\n?end_of_insert\s*", re.DOTALL)
MARK = "END_OF_REPLAYED_TEXT"

Call = tuple[str, dict[str, Any]]


class Unmappable(Exception):
    """Raised where no call of ours does the same; says why."""

    def __init__(self, why: str, *, harmless: bool = False) -> None:
        super().__init__(why)
        self.harmless = harmless
        """Whether nothing is different without it."""


def mapped(request: Mapping[str, Any], shown: str) -> Call:
    """The call that does what one of MLGym's commands did.

    Args:
        request: What was recorded of it: the command, and the state it was given in.
        shown: What it showed.

    Raises:
        Unmappable: there is none.
    """
    command, state = str(request["command"]), request[ORIGINAL]
    word = command.split(maxsplit=1)[0]
    if word in ("goto", "scroll_down", "scroll_up"):
        raise Unmappable(f"`{word}` moves a window, and changes nothing", harmless=True)
    if word in ("open", "create"):
        return _opened(command, word, state)
    found = EDIT.fullmatch(command) or INSERT.fullmatch(command)
    if word not in ("edit", "insert") or found is None:
        raise Unmappable(f"`{word}` is no tool here")
    if REFUSED.search(shown):
        raise Unmappable(f"this `{word}` was refused then, and changed nothing", harmless=True)
    file = _file(state)
    if word == "edit":
        return "bash", {"command": _replace(file, int(found[1]), int(found[2]), found[3])}
    return "bash", {"command": _replace(file, int(found[1]) + 1, int(found[1]), found[2])}


def place(path: str, folder: str) -> str:
    """A path of the original's machine, on ours."""
    whole = path if path.startswith("/") else f"{folder}/{path}"
    return WORKSPACE + whole.removeprefix(HOME) if whole == HOME or whole.startswith(f"{HOME}/") else whole


def _opened(command: str, word: str, state: Mapping[str, Any]) -> Call:
    parts = shlex.split(command)
    if len(parts) < 2:
        raise Unmappable(f"`{word}` names no file")
    path = place(parts[1], str(state.get("working_dir") or WORKSPACE))
    if word == "open":
        return "edit", {"command": "view", "path": path}
    # It makes a file of one empty line, and only opens one that is there.
    return "bash", {"command": f"test -e {shlex.quote(path)} || echo > {shlex.quote(path)}"}


def _file(state: Mapping[str, Any]) -> str:
    open_file = str(state.get("open_file") or "n/a")
    if open_file == "n/a":
        raise Unmappable("which file was open is not recorded")
    return place(open_file, str(state.get("working_dir") or WORKSPACE))


def _replace(path: str, first: int, last: int, text: str) -> str:
    """A command that puts text in place of some lines of a file."""
    if MARK in text:
        raise Unmappable(f"its text holds {MARK}")
    file = shlex.quote(path)
    lines = f"head -n {first - 1} {file}; cat <<'{MARK}'\n{text}\n{MARK}\ntail -n +{last + 1} {file}"
    return f"{{ {lines}; }} > {file}.replayed && cat {file}.replayed > {file} && rm {file}.replayed"
