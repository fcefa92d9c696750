"""The agent that starts a program and listens to it."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio

from mlgym_clients.agents.agent import Ending, Seat
from mlgym_clients.agents.model import prompts
from mlgym_clients.agents.programs.hearing import LONGEST_DETAIL, Listener, Notes
from mlgym_clients.agents.programs.options import ProgramOptions
from mlgym_clients.agents.programs.process import Launch, play
from mlgym_clients.agents.session import Session
from mlgym_clients.records.message import Message

CONFIG = "mcp.json"
"""Where a program finds our server, as long as it runs."""


@dataclass(frozen=True)
class Place:
    """Where one attempt of a program takes place."""

    seat: Seat
    prompt: str
    folder: Path
    """In the attempt's; all that is said is kept here."""
    workdir: Path
    """Empty, and away from any project whose instructions the program might read."""

    @property
    def home(self) -> Path:
        """A fresh one."""
        return self.folder / "home"

    def write(self, name: str, text: str) -> Path:
        """Write a file that nobody else may read: it may hold a token."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


class Program(Protocol):
    """What differs from program to program."""

    async def prepare(self, place: Place) -> tuple[Sequence[str], Mapping[str, str]]:
        """Write its configuration; its command line, and its environment."""

    def listener(self, notes: Notes) -> Listener:
        """Who understands its output."""


@dataclass(frozen=True)
class ProgramAgent:
    """Each attempt is a process group of its own, that ends with it."""

    name: str
    options: ProgramOptions
    program: Program

    async def attempt(self, seat: Seat) -> Ending:
        """Run the program; what it says is kept in the attempt's folder `program`."""
        with _place(seat, await self._prompt(seat)) as place:
            command, environment = await self.program.prepare(place)
            launch = Launch(
                command=command,
                environment=environment,
                workdir=place.workdir,
                said=place.write("prompt.md", place.prompt),
                output=place.folder / "stdout",
                errors=place.folder / "stderr",
            )
            notes = Notes(seat.hears, seat.meter)
            notes.say(Message(role="user", content=place.prompt))
            listener = self.program.listener(notes)
            with anyio.move_on_after(self.options.timeout):
                status = await play(launch, lambda line: _hear(listener, line))
                return listener.ending() or self._ending(status, launch)
            return Ending("exit_cost", f"{self.name} was ended after {self.options.timeout:g} seconds")

    async def _prompt(self, seat: Seat) -> str:
        return prompts.filled(
            self.options.prompt,
            task=seat.task.id,
            title=seat.task.title,
            metric=seat.task.metric,
            goal=seat.task.goal,
            brief=seat.brief,
            budget=(await Session(seat.client).standing()).budget,
        )

    def _ending(self, status: int, launch: Launch) -> Ending:
        if status == 0:
            return Ending()
        said = (launch.errors.read_text("utf-8", "replace") or launch.output.read_text("utf-8", "replace")).strip()
        last = said.rpartition("\n")[2][:LONGEST_DETAIL]
        return Ending("exit_error", f"{self.name} ended with status {status}: {last or 'it said nothing'}")


@contextmanager
def _place(seat: Seat, prompt: str) -> Iterator[Place]:
    folder = seat.folder / "program"
    shutil.rmtree(folder, ignore_errors=True)  # of a try that did not count
    folder.mkdir()
    with tempfile.TemporaryDirectory(prefix="mlgym-", ignore_cleanup_errors=True) as workdir:
        place = Place(seat, prompt, folder.resolve(), Path(workdir))
        place.home.mkdir()
        try:
            yield place
        finally:
            (folder / CONFIG).unlink(missing_ok=True)  # it names the session, and may hold the server's token


def _hear(listener: Listener, line: bytes) -> None:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if isinstance(event, dict):
        listener.hear(event)
