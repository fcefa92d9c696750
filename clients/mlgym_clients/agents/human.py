"""The kind `human`: somebody at this terminal, with the same tools as any agent."""

import base64
import binascii
import shlex
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TextIO

import anyio
import anyio.to_thread
import click
from rich.console import Console
from rich.markdown import Markdown

from mlgym_clients.agents.agent import Agent, BadOptions, Ending, Seat
from mlgym_clients.agents.options import Options, checked
from mlgym_clients.agents.session import Session
from mlgym_clients.visible import visible
from mlgym_clients.workbench import text_of

HELP = """\
What you type is run by the sandbox's bash; a line that ends with \\ goes on in the next. Besides:

:view PATH [FIRST LAST]   show a file or a folder
:edit PATH                change a file, or begin one, in your own editor: two steps
:job JOB [kill]           wait for a job, or end it
:validate                 score the files as they are, on the validation part
:submit                   submit them: final
:status, :brief, :help    how the session stands; the task; this
:give-up                  leave without a score
"""
CONTENT = "[ ! -e {path} ] || gzip -c {path} | base64 -w0"
"""Prints a file in one line, whatever is in it."""
GZIP = 31
"""What zlib calls the format."""


class HumanOptions(Options):
    """There is nothing to choose."""


def make(options: Mapping[str, Any]) -> Agent:
    """An agent that asks whoever sits at the terminal.

    Raises:
        BadOptions: there is an option, or no terminal.
    """
    checked("human", HumanOptions, options)
    if not sys.stdin.isatty():
        raise BadOptions("the agent `human` needs a terminal: run it where you can type.")
    return HumanAgent(sys.stdin, Console(highlight=False, markup=False), _in_editor)


@dataclass
class HumanAgent:
    """One person, and so one attempt at a time."""

    typed: TextIO
    """A terminal."""
    console: Console
    editor: Callable[[str, str], str]
    """Lets a text be changed; it is told how the file's name ends."""
    _busy: bool = False

    async def attempt(self, seat: Seat) -> Ending:
        """Show the brief, and do what is typed until the session is over.

        Raises:
            BadOptions: the person is at another attempt.
        """
        if self._busy:
            raise BadOptions("the agent `human` attempts one task at a time: run with --concurrency 1.")
        self._busy = True
        try:
            return await _Desk(self, seat).run()
        finally:
            self._busy = False


class BadLine(Exception):
    """Raised when what was typed is no command; says what is."""


class _Desk:
    """One attempt."""

    def __init__(self, human: HumanAgent, seat: Seat) -> None:
        self._human = human
        self._seat = seat
        self._session = Session(seat.client)

    async def run(self) -> Ending:
        self._show_brief()
        self._print(HELP)
        while (await self._session.standing()).live:
            line = await self._line()
            if line is None:
                return Ending("done", "the terminal was closed")
            if line == ":give-up":
                return Ending("exit_forfeit", "the human gave up")
            try:
                await self._do(line)
            except BadLine as error:
                self._print(f"{error} (:help shows all)")
        return Ending()

    async def _line(self) -> str | None:
        """What is typed next; None when the terminal is closed."""
        self._human.console.print("> ", end="", style="bold")
        lines: list[str] = []
        while not lines or lines[-1].endswith("\\\n"):
            await anyio.wait_readable(self._human.typed)  # no thread that would wait on when the attempt is over
            lines.append(self._human.typed.readline())
            if not lines[-1]:
                return None
        return "".join(lines).strip()

    async def _do(self, line: str) -> None:
        if not line.startswith(":"):
            return await self._call("bash", command=line) if line else None
        try:
            name, *words = shlex.split(line)
        except ValueError as error:
            raise BadLine(f"{line}: {error}") from None
        match name, words:
            case ((":validate" | ":submit" | ":status"), []):
                await self._call(name.removeprefix(":"))
            case ":view", [path]:
                await self._call("edit", command="view", path=path)
            case ":view", [path, first, last] if first.isdecimal() and last.isdecimal():
                await self._call("edit", command="view", path=path, view_range=[int(first), int(last)])
            case ":job", [job, *how] if how in ([], ["kill"]):
                await self._call("job", job=job, action=how[0] if how else "wait")
            case ":edit", [path]:
                await self._edit(path)
            case ":brief", []:
                self._show_brief()
            case ":help", []:
                self._print(HELP)
            case _:
                raise BadLine(f"{line} is no command.")

    async def _call(self, tool: str, **arguments: Any) -> None:
        self._print(text_of(await self._session.call(tool, **arguments)))

    async def _edit(self, path: str) -> None:
        place = PurePosixPath("/workspace", path)  # where the tool `edit` takes relative paths to start
        printed = text_of(await self._session.call("bash", command=CONTENT.format(path=shlex.quote(str(place)))))
        content, _, closing = printed.rpartition("\n")
        try:
            before = zlib.decompress(base64.b64decode(content, validate=True), GZIP).decode() if content else ""
        except (binascii.Error, zlib.error, UnicodeDecodeError):
            raise BadLine(f"{path} can't be edited here: it is no text file, or a long one.") from None
        after = await anyio.to_thread.run_sync(self._human.editor, before, place.suffix)
        if after == before:
            self._print(f"{path} stays as it was.\n{closing}")
        else:
            await self._call("edit", command="create", path=path, file_text=after)

    def _show_brief(self) -> None:
        self._human.console.print(Markdown(self._seat.brief))

    def _print(self, text: str) -> None:
        self._human.console.print(visible(text), soft_wrap=True)


def _in_editor(text: str, suffix: str) -> str:
    """The text as it was left in the editor that $VISUAL or $EDITOR names."""
    return click.edit(text, extension=suffix or ".txt") or text
