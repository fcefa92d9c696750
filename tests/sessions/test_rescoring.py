"""Scoring a kept artefact again: as its session did, without a trace, unless it was held."""

from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.rescoring import Recorded, Wanted, find, rescore
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import Store
from tests.fakes import TASK, World, faulty, scored, write_task

START = StartRequest(TASK, protocol="mlgym")
BROKEN: dict[str, Any] = {"outcome": "infrastructure_fault"}


async def attempted(manager: SessionManager, text: str = "mine") -> Session:
    session = await manager.start(START)
    await session.bash(f"echo {text} > answer.txt")
    return session


async def again(world: World, manager: SessionManager, store: Store, **wanted: Any) -> tuple[Recorded, Score]:
    """The rescoring of the one artefact there is, or of the one that is wanted."""
    found = find(store, Wanted(**{"artefact": "", **wanted}))
    return found, await rescore(manager._services, found)


async def test_it_is_scored_as_its_session_did_and_nothing_is_recorded(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await attempted(manager)
        final = await session.submit()
        world.referee.answers = [scored(0.9)]
        found, score = await again(world, manager, store)
        assert (found.score, score.scores) == (final.score, {"accuracy": 0.9})
        first, second = world.referee.requests
        assert first == second
        assert len(store.scores.of_session(session.id)) == len(store.submissions.list(session.id)) == 1
        assert (await session.submit()).score == final.score


async def test_what_was_only_validated_is_scored_as_submit_would_once_its_session_is_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await attempted(manager)
        await session.validate()
        with pytest.raises(SetupError, match="mlgym-mcp sessions end"):
            await again(world, manager, store, phase="submit")
        found, _ = await again(world, manager, store)
        assert found.phase == "validate"
        await session.end()
        found, _ = await again(world, manager, store, phase="submit")
        assert (found.score, [one.phase for one in world.referee.requests]) == (
            None,
            ["validate", "validate", "submit"],
        )


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        (scored(0.8), "scored", "submitted"),
        (faulty("late", ""), "submission_fault", "evaluation_format_error (submit)"),
    ],
    ids=["scored", "at fault"],
)
async def test_the_verdict_on_a_held_submission_becomes_its_sessions(
    tmp_path: Path, answer: dict[str, Any], outcome: str, status: str
) -> None:
    world = World(tmp_path)
    world.referee.answers = [BROKEN, BROKEN, BROKEN, answer]
    async with world.server() as (manager, store):
        session = await attempted(manager)
        assert [(await session.submit()).held for _ in range(2)] == [False, True]
        found, score = await again(world, manager, store)
        assert (found.held, score.outcome, (await session.submit()).outcome) == (True, *["infrastructure_fault"] * 2)
        await again(world, manager, store)
        assert (await session.submit()).outcome == outcome
        handle = session.id
    async with world.server() as (manager, _):
        view = await (await manager.get(handle)).status()
        assert view.score is not None
        assert (view.score.outcome, view.exit_status, view.reason) == (outcome, status, None)


async def test_an_artefact_held_from_validation_is_released_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [BROKEN, BROKEN, scored(0.6)]
    async with world.server() as (manager, store):
        session = await attempted(manager)
        assert [(await session.validate()).held for _ in range(2)] == [False, True]
        found, _ = await again(world, manager, store)
        assert (found.held, found.phase) == (True, "validate")
        assert (await session.validate()).outcome == "scored"


async def test_what_is_meant_by_several_names_is_listed(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", id="other-v1")
    async with world.server() as (manager, store):
        one, two = await attempted(manager, "one"), await attempted(manager, "one")
        three = await manager.start(StartRequest("other-v1"))
        for session in (one, two, three):
            await session.validate()
        with pytest.raises(SetupError) as refusal:
            find(store, Wanted(""))
        by_handle = {row.id: row.sandbox for row in store.sessions.list()}
        sandboxes = [by_handle[session.id] for session in (one, two, three)]
        assert [line.split()[2] for line in str(refusal.value).splitlines()[1:]] == sandboxes
        assert find(store, Wanted("", task="other-v1")).row.sandbox == sandboxes[2]
        chosen = find(store, Wanted("", task=TASK, session=sandboxes[1]))
        assert (chosen.row.id, chosen.artefact) == (two.id, find(store, Wanted("", session=sandboxes[0])).artefact)


async def test_what_nobody_gave_to_be_scored_and_what_is_gone_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        with pytest.raises(SetupError, match="'abc' was ever scored"):
            find(store, Wanted("abc"))
        session = await attempted(manager)
        await session.submit()
        found = find(store, Wanted(""))
        (store.folder / "artefacts" / f"{found.artefact}.tar").unlink()
        with pytest.raises(SetupError, match="is gone from"):
            await rescore(manager._services, found)
