"""The shell: a handful of commands, joined by `;`, `&&` and new lines, with `>` and `>>`. Enough to test what is above.

`hang` runs until its job is killed; `cat` without a file echoes a job's input until that is closed.
"""

import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from mlgym_mcp.sandbox.base import WORKSPACE
from mlgym_mcp.sandbox.fake.files import FakeFiles
from mlgym_mcp.sandbox.fake.refusal import Refused

NOT_FOUND = 127


class Outcome(NamedTuple):
    """What a command came to; `exit_code` None: it goes on until it is killed or its input ends."""

    output: bytes
    exit_code: int | None
    reads_input: bool = False
    leaves: bool = False


class FakeShell:
    """One shell with a directory and variables of its own."""

    def __init__(self, files: FakeFiles) -> None:
        self.cwd = WORKSPACE
        self._files = files
        self._variables: dict[str, str] = {}
        self._builtins: dict[str, Callable[[list[str]], Outcome]] = {
            "echo": lambda words: Outcome(" ".join(words).encode() + b"\n", 0),
            "printf": self._printf,
            "true": lambda _: Outcome(b"", 0),
            "false": lambda _: Outcome(b"", 1),
            "exit": lambda words: Outcome(b"", int(words[0]) if words else 0, leaves=True),
            "hang": lambda _: Outcome(b"", None),
            "pwd": lambda _: Outcome(self.cwd.encode() + b"\n", 0),
            "cd": self._cd,
            "cat": self._cat,
        }

    def run(self, command: str) -> Outcome:
        """Run a command line to its end, or to the command that goes on."""
        printed, status, skip = b"", 0, False
        for separator, part in _parts(command):
            skip = separator == "&&" and (skip or status != 0)
            if skip or not part:
                continue
            outcome = self._one(part)
            printed += outcome.output
            if outcome.exit_code is None or outcome.leaves:
                return outcome._replace(output=printed)
            status = outcome.exit_code
        return Outcome(printed, status)

    def _one(self, part: str) -> Outcome:
        words = [self._expand(word) for word in shlex.split(part)]
        target = next((index for index, word in enumerate(words) if word in (">", ">>")), None)
        argv = words if target is None else words[:target]
        if len(argv) == 1 and (assigned := re.fullmatch(r"(\w+)=(.*)", argv[0])):
            self._variables[assigned[1]] = assigned[2]
            return Outcome(b"", 0)
        try:
            outcome = self._builtins[argv[0]](argv[1:])
            if target is not None:
                self._redirect(words[target], words[target + 1], outcome.output)
                outcome = outcome._replace(output=b"")
        except KeyError:
            return Outcome(f"bash: {argv[0]}: command not found\n".encode(), NOT_FOUND)
        except Refused as refusal:
            return Outcome(f"{argv[0]}: {refusal}\n".encode(), 1)
        return outcome

    def _expand(self, word: str) -> str:
        return re.sub(r"\$(\w+)", lambda found: self._variables.get(found[1], ""), word)

    def _redirect(self, operator: str, name: str, output: bytes) -> None:
        path = self._files.resolve(name, self.cwd)
        before = self._files.contents.get(path, b"") if operator == ">>" else b""
        self._files.write(path, before + output)

    def _printf(self, words: list[str]) -> Outcome:
        text = words[0].encode().decode("unicode_escape") if words else ""
        return Outcome((text.replace("%s", "{}").format(*words[1:]) if words[1:] else text).encode("latin-1"), 0)

    def _cd(self, words: list[str]) -> Outcome:
        self.cwd = self._files.resolve(words[0] if words else WORKSPACE, self.cwd)
        return Outcome(b"", 0)

    def _cat(self, words: list[str]) -> Outcome:
        if not words:
            return Outcome(b"", None, reads_input=True)
        return Outcome(b"".join(self._files.read(self._files.resolve(name, self.cwd)) for name in words), 0)


def _parts(command: str) -> list[tuple[str, str]]:
    """Separator and command, in order; separators within quotes are not seen as such."""
    parts, separator, part, quote = [], ";", "", ""
    for piece in re.findall(r"&&|\\.|.|\n", command):
        if quote:
            quote = "" if piece == quote else quote
        elif piece in "'\"":
            quote = piece
        elif piece in (";", "\n", "&&"):
            parts.append((separator, part.strip()))
            separator, part = piece, ""
            continue
        part += piece
    return [*parts, (separator, part.strip())]
