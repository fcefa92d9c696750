"""Somebody types at a terminal, and the sandbox does it."""

import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import BadOptions, Ending
from mlgym_clients.agents.human import HumanAgent
from mlgym_clients.server import Server
from rich.console import Console

from tests.clients.agents.seats import seat_at, toy_seat
from tests.processes import http_server
from tests.strangers.attempt import TASK
from tests.tools.stage import facts_of


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


async def test_what_is_typed_is_done_and_its_answer_shown(tmp_path: Path) -> None:
    lines = [":help", "echo 42 > answer.txt", "", ":view answer.txt", ":walk", ":view 'x", ":validate", ":submit"]
    with somebody(*lines) as (human, shown):
        async with toy_seat(tmp_path) as (seat, _):
            assert await human.attempt(seat) == Ending()
    told = shown.getvalue()
    for part in (
        "Write answer.txt.",
        "42\n[done",
        ":walk is no command. (:help",
        "No closing quotation",
        "accuracy 0.75",
    ):
        assert part in told, told
    assert "exit status: submitted" in told


@pytest.mark.parametrize(("last", "why"), [(":give-up", "exit_forfeit"), ("\x04", "done")])
async def test_somebody_may_leave(tmp_path: Path, last: str, why: str) -> None:
    with somebody(":status", last) as (human, shown):
        async with toy_seat(tmp_path) as (seat, _):
            assert (await human.attempt(seat)).why == why
    assert "10 steps" in shown.getvalue()


async def test_files_are_changed_in_an_editor(tmp_path: Path, cache_dir: Path) -> None:
    editor = Editor("return 1", "return 0")
    lines = [":edit strategy.py", ":edit notes/new.md", "cat strategy.py \\", "notes/new.md", ":edit notes", ":give-up"]
    with somebody(*lines, editor=editor) as (human, shown):
        async with http_server(tmp_path, cache_dir) as (url, _), Client(f"{url}/mcp") as client:
            started = facts_of(await client.call_tool("start", {"task": TASK, "wait_s": 45}))
            async with Server(url).connect(started["session"]) as seated:
                seat, _ = seat_at(seated, tmp_path, TASK, started["brief"])
                await human.attempt(seat)
    (before, suffix), new = editor.opened
    assert ("def row_strategy" in before, suffix, new) == (True, ".py", ("", ".md"))
    told = shown.getvalue()
    assert before.replace("return 1", "return 0") + "return 0\n[exit 0" in told, told
    assert "notes can't be edited here" in told


async def test_nobody_attempts_two_tasks_at_once(tmp_path: Path) -> None:
    with somebody() as (human, _):
        async with toy_seat(tmp_path) as (seat, _):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(human.attempt, seat)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(BadOptions, match="--concurrency 1"):
                    await human.attempt(seat)
                tasks.cancel_scope.cancel()


def test_a_human_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(BadOptions, match="needs a terminal"):
        registry.make("human", {})
