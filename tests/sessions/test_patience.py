"""How long a call may take: never as long as clients wait, whatever was asked for and whatever the sandbox does."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import SessionBusy
from mlgym_mcp.sessions.call import MAX_WAIT, Call
from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.limits import SessionLimits
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.sessions.waiting import NOTICE_LIMIT
from tests.fakes import TASK, World

CLIENTS_WAIT = 60
IMPATIENT = Call(wait_s=0.01)
SHORT = SessionLimits(notify_s=0.01, slack_s=0.05)


@pytest.mark.parametrize(("asked", "patience"), [(-1, 0), (0, 0), (40, 40), (50, 50), (51, 50), (float("inf"), 50)])
def test_a_call_waits_as_long_as_it_says_and_never_over_fifty_seconds(asked: float, patience: float) -> None:
    assert Call(wait_s=asked).patience == patience


def test_what_was_waited_already_is_not_waited_again() -> None:
    assert [Call(wait_s=100).after(spent).patience for spent in (0, 20, 60)] == [50, 30, 0]


def test_the_longest_call_is_shorter_than_clients_wait() -> None:
    assert MAX_WAIT + SessionLimits().slack_s + NOTICE_LIMIT < CLIENTS_WAIT


CALLS: list[Callable[[Session], Awaitable[object]]] = [
    lambda session: session.bash("true", call=IMPATIENT),
    lambda session: session.edit(EditRequest("view", "answer.txt"), call=IMPATIENT),
    lambda session: session.job("j1", call=IMPATIENT),
]


@pytest.mark.parametrize("call", CALLS, ids=["bash", "edit", "job"])
async def test_a_guest_that_never_answers_keeps_no_call(
    tmp_path: Path, call: Callable[[Session], Awaitable[object]]
) -> None:
    world = World(tmp_path, limits=SHORT)
    async with world.server() as (manager, _):
        session = await manager.start(StartRequest(TASK))
        silence(world)
        with anyio.fail_after(5), pytest.raises(SessionBusy, match="may still take effect"):
            await call(session)


async def test_a_notice_that_waits_for_a_silent_guest_keeps_no_call(tmp_path: Path) -> None:
    async def notify(_seconds: float, _line: str) -> None: ...

    world = World(tmp_path, limits=SHORT)
    async with world.server() as (manager, _):
        session = await manager.start(StartRequest(TASK))
        silence(world)
        with anyio.fail_after(5), pytest.raises(SessionBusy):
            await session.bash("true", call=Call(wait_s=0.01, notify=notify))


async def test_the_status_of_a_session_whose_guest_never_answers_is_told_without_its_jobs(tmp_path: Path) -> None:
    world = World(tmp_path, limits=SHORT)
    async with world.server() as (manager, _):
        session = await manager.start(StartRequest(TASK))
        silence(world)
        with anyio.fail_after(5):
            view = await session.status()
        assert (view.state, view.jobs) == ("open", ())


def silence(world: World) -> None:
    """Let the one guest of a world take every request and answer none."""
    operations = next(iter(world.backend.guests.values()))._operations
    operations.update({name: lambda *_: None for name in operations})
