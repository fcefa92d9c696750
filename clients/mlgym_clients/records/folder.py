"""A run's folder.

```
run.json                                the run's facts
attempts/<task>/<agent>/<number>/
  attempt.json                          the attempt, rewritten whole whenever something is known
  events.jsonl                          the session's trajectory, as the server keeps it
  messages.jsonl                        a model's conversation, where the agent has one
  …                                     what else an agent left: a program's transcript
```
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mlgym_clients.records.attempt import Attempt, AttemptKey
from mlgym_clients.records.malformed import wrong_with
from mlgym_clients.records.message import Message
from mlgym_clients.records.run import RunFacts

Kept = TypeVar("Kept", RunFacts, Attempt)
Record = TypeVar("Record")
Event = dict[str, Any]
"""An event of a session: kind, at, seconds, request, reply, error."""
ESCAPED = "backslashreplace"
"""How half a surrogate pair is written, which is no UTF-8: as JSON escapes it, so that it is read again as it was."""


class NoRun(Exception):
    """Raised where a folder is not a run's, or what it holds can't be read; says which file and why."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk. Every file is written beside itself and moved into place, so none is ever half there."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "run.json").is_file()

    def read_run(self) -> RunFacts:
        """The run's facts.

        Raises:
            NoRun: there are none here, or they can't be read.
        """
        return _read(RunFacts, self.path / "run.json")

    def write_run(self, facts: RunFacts) -> None:
        """Write the run's facts down."""
        write(self.path / "run.json", facts.model_dump_json(indent=2) + "\n")

    def attempt_folder(self, key: AttemptKey) -> Path:
        """Where an attempt's files lie; an agent may put its own there."""
        return self.path / "attempts" / key.task / key.agent / str(key.number)

    def attempts(self) -> Iterator[Attempt]:
        """Every attempt that was begun, in the order of tasks, agents and numbers.

        Raises:
            NoRun: one can't be read.
        """
        for key in self.begun():
            yield _read(Attempt, self.attempt_file(key))

    def begun(self) -> list[AttemptKey]:
        """Which attempts were begun, in that order.

        Raises:
            NoRun: a folder among them is none.
        """
        return sorted(map(_key, self.path.glob("attempts/*/*/*/attempt.json")))

    def attempt_file(self, key: AttemptKey) -> Path:
        """Where an attempt is written down."""
        return self.attempt_folder(key) / "attempt.json"

    def read_attempt(self, key: AttemptKey) -> Attempt | None:
        """An attempt; None while it was not begun."""
        path = self.attempt_file(key)
        return _read(Attempt, path) if path.is_file() else None

    def write_attempt(self, attempt: Attempt) -> None:
        """Write an attempt down as it stands."""
        write(self.attempt_file(attempt.key), attempt.model_dump_json(indent=2) + "\n")

    def read_events(self, key: AttemptKey) -> list[Event]:
        """An attempt's events; none where none were fetched.

        Raises:
            NoRun: they can't be read.
        """
        return _parsed(self.attempt_folder(key) / "events.jsonl", _event)

    def write_events(self, key: AttemptKey, events: Iterable[Event]) -> None:
        """Write an attempt's events down, over those that are there."""
        write(self.attempt_folder(key) / "events.jsonl", "".join(map(_line, events)))

    def read_messages(self, key: AttemptKey) -> list[Message]:
        """A conversation; empty where the agent had none.

        Raises:
            NoRun: it can't be read.
        """
        return _parsed(self.attempt_folder(key) / "messages.jsonl", Message.model_validate)

    def add_message(self, key: AttemptKey, message: Message) -> None:
        """Add a message to an attempt's conversation."""
        path = self.attempt_folder(key) / "messages.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            _drop_half_a_line(file)
            file.write(_line(message.model_dump(exclude_defaults=True)).encode(errors=ESCAPED))


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8", errors=ESCAPED)
    beside.replace(path)


def _read(kind: type[Kept], path: Path) -> Kept:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoRun(f"there is no {path}; name the folder that `mlgym-mcp run` printed.") from None
    except (OSError, ValueError) as error:
        raise NoRun(f"{path} can't be read: {wrong_with(error)}.") from None


def _parsed(path: Path, read: Callable[[Any], Record]) -> list[Record]:
    try:
        return [read(json.loads(line)) for line in _lines(path)]
    except (ValueError, RecursionError) as error:
        raise NoRun(f"{path} can't be read: {wrong_with(error)}.") from None


def _event(record: Any) -> Event:
    if isinstance(record, dict):
        return record
    raise ValueError("a line is no event")


def _line(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file; what follows the last line's end was being written when its writer was killed."""
    # JSON may hold what other ways of taking lines apart would take for the end of one.
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _drop_half_a_line(file: BinaryIO) -> None:
    """Make a file end where its last whole line does."""
    file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
    if file.read() not in (b"", b"\n"):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _key(path: Path) -> AttemptKey:
    number = path.parent
    if not (number.name.isascii() and number.name.isdigit()):
        raise NoRun(f"{number} is no attempt: its name is no number; take it out of the run's folder.")
    return AttemptKey(number.parents[1].name, number.parent.name, int(number.name))
