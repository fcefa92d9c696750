"""Exports: all that is kept of a session, and nothing that would let anybody use it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.export import DOCUMENTS, REDACTED, session_document, trajectory_document
from mlgym_mcp.sessions.manager import StartRequest
from mlgym_mcp.sessions.session import Session
from mlgym_mcp.store import SessionRow, Store
from tests.fakes import TASK, World, faulty, scored, write_task

START = StartRequest(TASK)


def kept(store: Store, session: Session) -> SessionRow:
    row = store.sessions.get(session.id)
    assert row is not None
    return row


async def exported(tmp_path: Path, kind: str) -> dict[str, Any]:
    """An attempt of every kind of call, exported."""
    world = World(tmp_path)
    world.referee.answers = [scored(0.6), scored(0.8)]
    async with world.server() as (manager, store):
        session = await manager.start(START)
        await session.bash("cd deep; echo here")
        await session.edit(EditRequest("create", "/workspace/answer.txt", file_text="mine\n"))
        await session.edit(EditRequest("view", "/workspace/answer.txt"))
        await session.validate()
        await session.submit()
        return DOCUMENTS[kind](store, kept(store, session))


async def test_a_document_holds_facts_budget_submissions_scores_and_events(tmp_path: Path) -> None:
    document = await exported(tmp_path, "json")
    facts = {name: document[name] for name in ("format", "task", "protocol", "state", "exit_status")}
    assert list(facts.values()) == ["mlgym-mcp/session-1", TASK, "strict", "submitted", "submitted"]
    assert (document["budget"]["steps"], document["budget"]["limits"]["steps"]) == (5, 10)
    assert [one["phase"] for one in document["submissions"]] == ["validate", "submit"]
    assert [one["scores"]["accuracy"] for one in document["scores"]] == [0.6, 0.8]
    assert [event["kind"] for event in document["events"]] == ["bash", "edit", "edit", "validate", "submit"]
    assert document["events"][0]["reply"]["result"]["head"] == "here\n"


async def test_a_trajectory_has_mlgyms_form(tmp_path: Path) -> None:
    document = await exported(tmp_path, "traj")
    assert set(document) == {"environment", "trajectory", "history", "info"}
    steps = document["trajectory"]
    form = {"state", "response", "thought", "action", "execution_time", "observation"}
    assert all(set(step) == form and not step["thought"] for step in steps)
    assert json.loads(steps[0]["state"])["working_dir"].endswith("deep")
    told = [(step["action"].split(" ")[0], step["observation"].split(" ± ")[0]) for step in steps]
    assert told[0] == ("cd", "here\n")
    assert told[2:] == [
        ("edit", "     1\tmine\n"),
        ("validate", "accuracy 0.6 (baseline 0.5)"),
        ("submit", "accuracy 0.8 (baseline 0.5)"),
    ]
    assert '"file_text": "mine\\n"' in steps[1]["action"] and "/workspace/answer.txt is " in steps[1]["observation"]
    info = document["info"]
    assert (info["exit_status"], info["score"]) == ("submitted", [{"accuracy": 0.6}, {"accuracy": 0.8}])
    assert len(info["submission"]) == 64
    assert set(info["model_stats"].values()) == {None}
    assert [message["role"] for message in document["history"]] == ["assistant", "user"] * 5


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
async def test_handle_and_token_are_nowhere_not_even_where_the_agent_wrote_them(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        row = kept(store, session)
        await session.bash(f"echo {session.id} {row.token}")
        await session.bash(f"printf '\\377{session.id}\\n'")
        binary = base64.b64encode(b"\xff" + session.id.encode()).decode()
        event = store.events.begin(session.id, "bash", json.dumps({"command": "cat"}), at=1.0)
        result = {"head": {"$base64": binary}, "tail": "", "omitted": 0, "cwd": ""}
        store.events.finish(event, seconds=1.0, reply=json.dumps({"result": result}))
        document = json.dumps(DOCUMENTS[kind](store, row))
    assert REDACTED in document
    assert row.id not in document and row.token not in document and binary not in document
    for part in [part for part in document.split('"') if part.startswith("/3")]:
        assert row.id.encode() not in base64.b64decode(part)


async def test_what_a_submissions_fault_says_stays_here_for_it_may_quote_hidden_data(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [faulty("raised", "the answer is forty-two")]
    write_task(tmp_path / "tasks", submission={"files": ["answer.txt"], "kind": "code", "max_size": "1MiB"})
    async with world.server() as (manager, store):
        session = await manager.start(START)
        await session.submit()
        document = session_document(store, kept(store, session))
        steps = trajectory_document(store, kept(store, session))["trajectory"]
    assert [one["fault_code"] for one in document["scores"]] == ["raised"]
    assert "forty-two" not in json.dumps(document["scores"]) + json.dumps(document["events"])
    assert steps[-1]["observation"] == "submission_fault: raised"


async def test_what_the_agent_did_not_do_is_no_step_of_its_trajectory(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", budget={"steps": 1})
    async with world.server() as (manager, store):
        session = await manager.start(START)
        await session.validate()
        await session.submit()
        document = trajectory_document(store, kept(store, session))
    assert [step["action"] for step in document["trajectory"]] == ["validate"]
    assert document["info"]["exit_status"] == "autosubmission (max_steps)"


async def test_a_session_that_goes_on_is_exported_as_it_stands(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.server() as (manager, store):
        session = await manager.start(START)
        store.events.begin(session.id, "bash", json.dumps({"command": "hang"}), at=1.0)
        document = trajectory_document(store, kept(store, session))
    assert [(step["action"], step["observation"]) for step in document["trajectory"]] == [("hang", "")]
    assert document["info"]["exit_status"] is None
