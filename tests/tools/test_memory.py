"""The group `memory`: notes that outlive their session, an agent's own, on one task."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from mlgym_mcp.store import Owner, Store
from mlgym_mcp.store.notes import MOST
from mlgym_mcp.tools.caller import Caller, calling
from mlgym_mcp.tools.incoming import AGENT
from tests.fakes import TASK, World, write_task
from tests.records import row
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, text_of, told


async def asked_for(client: Client, agent: str, task: str = TASK) -> CallToolResult:
    meta: Any = {AGENT: agent}
    return await client.call_tool("start", {"task": task}, meta=meta)


async def start_for(client: Client, agent: str, task: str = TASK) -> str:
    result = await asked_for(client, agent, task)
    assert not result.is_error, text_of(result)
    return str(facts_of(result)["session"])


@pytest.mark.parametrize("era", ERAS)
async def test_a_note_is_found_in_a_later_session_by_its_words_or_its_tags(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    async with connected(world, era=era, tools=("memory",)) as client:
        await told(client, "memory_write", session=await start(client), text="Dropout 0.3 gave 0.71.", tags=["tuning"])
        await told(client, "memory_write", text="The data is unbalanced.")
    async with connected(world, era=era, tools=("memory",)) as client:
        session = await start(client)
        for query in ("what did dropout give?", "tuning"):
            found = await told(client, "memory_read", session=session, query=query)
            assert ("0.71" in found, "[tuning]" in found, "unbalanced" in found) == (True, True, False)
        latest = await told(client, "memory_read", session=session)
        assert latest.index("unbalanced") < latest.index("0.71")
        assert "7 steps" in latest
        assert "No note fits." in await told(client, "memory_read", session=session, query='"quoted* (OR')


async def test_no_agent_sees_anothers_notes_nor_those_of_another_task(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", id="other-v1")
    async with connected(world, tools=("memory",)) as client:
        await told(client, "memory_write", session=await start_for(client, "ours"), text="a secret of ours")
        others = [await start_for(client, "theirs"), await start_for(client, "ours", "other-v1"), await start(client)]
        for session in others:
            assert "No note fits." in await told(client, "memory_read", session=session, query="secret")
        assert "secret" in await told(client, "memory_read", session=await start_for(client, "ours"), query="secret")


async def test_strangers_have_a_memory_only_under_a_name_that_nobody_can_guess(tmp_path: Path) -> None:
    async with connected(World(tmp_path), tools=("memory",)) as client:
        with calling(Caller("anonymous")):
            nameless = await start(client)
            short = await asked_for(client, "short")
            named = await start_for(client, "x" * 32)
        assert "started without memory" in await refused(client, "memory_read", session=nameless)
        assert "32 characters" in text_of(short)
        assert "Kept: note 1" in await told(client, "memory_write", session=named, text="hello")


async def test_scores_tell_of_a_memory_whether_it_was_used_or_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        await told(client, "submit", session=await start(client))
    async with connected(world, tools=("memory",)) as client:
        assert "protocol: strict, with memory" in await told(client, "submit", session=await start(client))
        board = await told(client, "read", uri=f"mlgym://leaderboard/{TASK}")
        assert (board.count('"aids": []'), board.count('"memory"')) == (1, 1)


async def test_a_session_from_before_the_group_was_chosen_has_no_memory(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world) as client:
        session = await start(client)
    async with connected(world, tools=("memory",)) as client:
        assert "started without memory" in await refused(client, "memory_write", session=session, text="hello")


async def test_a_note_that_does_not_fit_is_refused_and_says_why(tmp_path: Path) -> None:
    notes: list[tuple[dict[str, Any], str]] = [
        ({"text": "x" * 4001}, "between 1 and 4,000 characters"),
        ({"text": " "}, "between 1 and"),
        ({"text": "x", "tags": ["two words"]}, "words of at most 40"),
    ]
    async with connected(World(tmp_path), tools=("memory",)) as client:
        session = await start(client)
        for note, why in notes:
            refusal = await refused(client, "memory_write", session=session, **note)
            assert why in refusal
            assert "10 steps" in refusal


def test_of_too_many_notes_the_oldest_go(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.sessions.add(row(store))
        owner = Owner("local", "", "toy-v1")
        with store.write():
            for number in range(MOST + 2):
                store.notes.add(owner, f"number{number}", (), session="s1", at=float(number))
        assert store.notes.count(owner) == MOST
        assert [bool(store.notes.search(owner, f"number{number}", 5)) for number in (0, 1, 2)] == [False, False, True]
