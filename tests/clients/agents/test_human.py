"""Somebody types at a terminal, and the sandbox does it."""

import io
from pathlib import Path

import anyio
import pytest
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import BadOptions, Ending

from tests.clients.agents.seats import toy_seat
from tests.clients.agents.typists import somebody


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
