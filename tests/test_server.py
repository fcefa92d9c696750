"""The composition root, and the server as a real process on stdin and stdout."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from mlgym_mcp.server import Lazy
from tests.fakes import TASK, write_task
from tests.tools.stage import ERAS, Era, told

LIMIT = 30
"""Seconds; far more than is needed, for slow machines."""


class Door:
    """Something to open, that keeps count."""

    def __init__(self, *, failures: int = 0) -> None:
        self.opened = self.closed = 0
        self.failures = failures

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Door"]:
        self.opened += 1
        await anyio.lowlevel.checkpoint()
        if self.opened <= self.failures:
            raise ValueError("stuck")
        try:
            yield self
        finally:
            await anyio.lowlevel.checkpoint()
            self.closed += 1


async def test_what_is_lazy_is_opened_once_for_all_who_ask_and_closed_at_the_end() -> None:
    door = Door()
    async with anyio.create_task_group() as tasks:
        lazy = Lazy(tasks, door.open)
        async with anyio.create_task_group() as askers:
            for _ in range(3):
                askers.start_soon(lazy.get)
        assert (door.opened, door.closed) == (1, 0)
        lazy.close()
    assert door.closed == 1


async def test_what_nobody_asks_for_is_never_opened() -> None:
    door = Door()
    async with anyio.create_task_group() as tasks:
        Lazy(tasks, door.open).close()
    assert door.opened == 0


async def test_a_failed_opening_is_told_and_the_next_who_asks_tries_again() -> None:
    door = Door(failures=1)
    async with anyio.create_task_group() as tasks:
        lazy = Lazy(tasks, door.open)
        with pytest.raises(ValueError, match="stuck"):
            await lazy.get()
        assert await lazy.get() is door
        lazy.close()


async def test_an_asker_who_gives_up_does_not_take_the_opening_with_it() -> None:
    door = Door()
    async with anyio.create_task_group() as tasks:
        lazy = Lazy(tasks, door.open)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await lazy.get()
        assert await lazy.get() is door
        assert door.opened == 1
        lazy.close()


def served(folder: Path, *options: str) -> StdioServerParameters:
    """A real server process on a folder of its own, whose sandboxes are fakes."""
    write_task(folder / "tasks")
    environment = dict(os.environ) | {"MLGYM_MCP_SANDBOX": "fake", "MLGYM_MCP_DATA_DIR": str(folder / "data")}
    command = ["-m", "mlgym_mcp", "serve", "--tasks-dir", str(folder / "tasks"), *options]
    return StdioServerParameters(command=sys.executable, args=command, env=environment)


@pytest.mark.parametrize("era", ERAS)
async def test_a_process_answers_clients_of_both_eras(tmp_path: Path, era: Era) -> None:
    with anyio.fail_after(LIMIT):
        async with Client(served(tmp_path), mode=era) as client:
            assert len((await client.list_tools()).tools) == 10
            assert TASK in await told(client, "list_tasks", domain="toys")
    assert not (tmp_path / "data").exists()


async def test_a_pinned_process_offers_its_one_session(tmp_path: Path) -> None:
    with anyio.fail_after(LIMIT):
        async with Client(served(tmp_path, "--task", TASK)) as client:
            assert len((await client.list_tools()).tools) == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--task", "no-such-v1"), "There is no task 'no-such-v1'"),
        (("--http", "--host", "0.0.0.0"), "set MLGYM_MCP_TOKEN to a secret of its callers"),
        (("--http", "--port", "1", "--host", "192.0.2.1"), "anybody could use this server"),
        (("--http", "--port", "70000"), "--port is 70000, but should be less than or equal to 65535."),
        (("--port", "8765"), "--port is for a server over HTTP; add --http, or leave it out."),
    ],
)
async def test_what_the_operator_got_wrong_is_told_in_one_sentence(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    server = served(tmp_path, *options)
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process([server.command, *server.args], env=server.env, check=False)
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert said in ended.stderr.decode()
    assert len(ended.stderr.decode().splitlines()) == 1
