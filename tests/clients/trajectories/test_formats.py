"""Formats: what is written is read again, but for what each says that it drops."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlgym_clients.records.message import Message
from mlgym_clients.trajectories.atif import from_atif, to_atif
from mlgym_clients.trajectories.atif_schema import Document
from mlgym_clients.trajectories.chat import from_chat, to_chat
from mlgym_clients.trajectories.event import action, arguments, observation, of_the_agent
from mlgym_clients.trajectories.reading import read
from mlgym_clients.trajectories.traj import to_results, to_traj
from mlgym_clients.trajectories.traj_reading import from_traj
from mlgym_clients.trajectories.trajectory import BadTrajectory, Trajectory, from_session

from mlgym_mcp.sessions.edit import EditRequest
from mlgym_mcp.sessions.export import DOCUMENTS
from mlgym_mcp.sessions.manager import StartRequest
from tests.clients.trajectories.samples import attempt, bash, original, silent, spoken, verdict
from tests.fakes import TASK, World, scored

KINDS = pytest.mark.parametrize("make", [silent, spoken], ids=["silent", "spoken"])


def shown(trajectory: Trajectory) -> list[tuple[str, str, str, float]]:
    """What no format drops of events: which they were, what was done, what was seen, how long it took."""
    return [(one["kind"], action(one), observation(one), one["seconds"]) for one in of_the_agent(trajectory.events)]


def again(document: Any) -> Any:
    """A document after it was in a file."""
    return json.loads(json.dumps(document, ensure_ascii=False).encode())


async def test_a_session_is_the_same_traj_here_as_where_the_server_exports_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.answers = [scored(0.6), scored(0.8)]
    async with world.server() as (manager, store):
        session = await manager.start(StartRequest(TASK))
        await session.bash("cd deep; echo here")
        await session.bash(f"printf '\\377{session.id}\\n'")
        await session.bash(f"echo {session.id}; false")
        await session.edit(EditRequest("create", "/workspace/answer.txt", file_text="mine\n"))
        await session.edit(EditRequest("str_replace", "/workspace/answer.txt", old_str="mine", new_str="ours"))
        await session.edit(EditRequest("view", "/workspace/answer.txt"))
        await session.validate()
        await session.submit()
        await session.submit()
        row = store.sessions.get(session.id)
        assert row is not None
        theirs, whole = DOCUMENTS["traj"](store, row), DOCUMENTS["json"](store, row)
    assert to_traj(from_session(again(whole))) == again(theirs)


@KINDS
def test_a_traj_is_read_again_but_for_what_it_drops(make: Callable[[], Trajectory]) -> None:
    before = make()
    after = from_traj(again(to_traj(before)), task="other", agent="worker", number=1)
    assert shown(after) == shown(before) if not before.messages else shown(after)[0] == shown(before)[0]
    assert (after.attempt.flavour, after.attempt.protocol) == ("sample", "strict")
    assert after.attempt.task == "toy-v1"
    assert after.attempt.submission is not None and after.attempt.submission.scores == {"accuracy": 0.8}
    assert after.submission == before.submission
    assert (after.attempt.usage.cost, after.attempt.usage.input_tokens) == (
        before.attempt.usage.cost,
        before.attempt.usage.input_tokens,
    )
    words = [one.content for one in after.messages if one.role in ("system", "user")]
    assert words == [one.content for one in before.messages if one.role in ("system", "user")]


@KINDS
def test_an_atif_is_read_again_but_for_what_it_drops(make: Callable[[], Trajectory]) -> None:
    before = make()
    after = from_atif(again(to_atif(before, version="1")), task="other")
    assert after.attempt == before.attempt and after.submission == before.submission
    assert list(after.messages) == list(before.messages)
    assert [action(one) for one in after.events] == [action(one) for one in before.events]
    times = [[(one["at"], one["seconds"], one["error"]) for one in side.events] for side in (before, after)]
    assert times[0] == times[1]
    if not before.messages:  # what a model asked for and was shown stands for what the session kept
        assert [arguments(one) for one in after.events] == [arguments(one) for one in before.events]
        assert shown(after) == shown(before)
        assert [(one["reply"] or {}).get("result", {}).get("exit_code") for one in after.events[:2]] == [0, 3]


@KINDS
def test_an_atif_has_nothing_that_its_version_does_not_know(make: Callable[[], Trajectory]) -> None:
    document = again(to_atif(make(), version="1", model="m"))
    assert Document.model_validate(document).model_dump(mode="json", exclude_none=True) == document
    assert [step["step_id"] for step in document["steps"]] == list(range(1, len(document["steps"]) + 1))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"step_id": 2}, "count from 1"),
        ({"source": "user"}, "which are an agent's"),
        ({"timestamp": "yesterday"}, "isoformat"),
        ({"observation": {"results": [{"source_call_id": "c9"}]}}, "which its step has not"),
    ],
)
def test_an_atif_that_breaks_a_rule_is_refused_with_the_rule(change: dict[str, Any], rule: str) -> None:
    step = {"step_id": 1, "source": "agent", "message": "", "metrics": {"prompt_tokens": 1}, **change}
    document = {"schema_version": "ATIF-v1.4", "agent": {"name": "a", "version": "1"}, "steps": [step]}
    with pytest.raises(BadTrajectory, match=rule):
        from_atif(document, task="toy-v1")


def test_an_atif_of_others_is_read_with_pictures_passed_over() -> None:
    parts = [{"type": "text", "text": "seen"}, {"type": "image", "source": {"path": "a.png"}}]
    call = {"tool_call_id": "1", "function_name": "bash", "arguments": {"command": "ls"}}
    steps = [
        {"step_id": 1, "source": "user", "message": "go", "timestamp": "2026-01-01T00:00:00Z"},
        {
            "step_id": 2,
            "source": "agent",
            "message": "",
            "tool_calls": [call],
            "timestamp": "2026-01-01T00:00:09Z",
            "llm_call_count": 1,
            "observation": {"results": [{"source_call_id": "1", "content": parts}]},
        },
    ]
    agent = {"name": "terminus", "version": "2"}
    found = from_atif({"schema_version": "ATIF-v1.7", "agent": agent, "steps": steps}, task="toy-v1")
    assert (found.attempt.agent, found.attempt.seconds) == ("terminus", 9.0)
    assert shown(found) == [("bash", "ls", "seen", 0.0)]


def test_a_conversation_is_read_again_without_its_thoughts_times_and_costs() -> None:
    before = spoken()
    plain = [
        Message(role=one.role, content=one.content, tool_calls=one.tool_calls, tool_call_id=one.tool_call_id)
        for one in before.messages
    ]
    assert from_chat(again(to_chat(before))) == plain


def test_where_nothing_was_said_the_calls_are_told_as_a_conversation() -> None:
    said = from_chat(again(to_chat(silent())))
    assert [one.role for one in said] == ["user", *["assistant", "tool"] * 6]
    assert [one.tool_calls[0].name for one in said if one.tool_calls][2:4] == ["edit", "bash"]


def test_the_tools_are_told_without_the_session_that_an_agent_need_not_name() -> None:
    listed = {"name": "bash", "description": "Run.", "inputSchema": {"properties": {"command": {}, "session": {}}}}
    [tool] = to_chat(spoken(), [listed])["tools"]
    assert tool["function"]["parameters"]["properties"] == {"command": {}}


def test_a_model_is_told_with_its_thoughts_responses_and_costs() -> None:
    document = to_traj(spoken())
    first = document["trajectory"][0]
    assert (first["thought"], first["action"]) == ("Hm.\n\nBoth.", "echo 1")
    assert first["response"] == "Hm.\n\nBoth.\necho 1" and first["observation"] == "1\n"
    assert [one["role"] for one in document["history"][:2]] == ["system", "user"]
    assert document["info"]["model_stats"]["tokens_sent"] == 10
    assert to_results(spoken()) == {"agent": [{"accuracy": 0.8}], "baseline": {"accuracy": 0.5}}


def test_a_traj_of_the_original_is_full_data_and_the_protocol_mlgym(tmp_path: Path) -> None:
    folder = tmp_path / "gpt4o__regressionKaggleHousePrice__default__t-0.00_run_0"
    folder.mkdir()
    (folder / "regressionKaggleHousePrice.traj").write_text(json.dumps(original()))
    (folder / "results.json").write_text(json.dumps({"agent": [], "baseline": {"rmse": 30340.1, "r2": 0.88}}))
    found = read(folder / "regressionKaggleHousePrice.traj")
    made = found.attempt
    assert (made.task, made.agent, made.flavour, made.protocol) == (
        "regression-house-price-v1",
        "gpt4o",
        "full",
        "mlgym",
    )
    assert [(one.phase, one.outcome, one.step, one.scores.get("r2")) for one in made.measures] == [
        ("validate", "submission_fault", 4, None),
        ("validate", "scored", 6, 0.81),
        ("submit", "scored", 7, 0.9),
    ]
    assert made.measures[-1].upstream_scores == made.measures[-1].scores
    assert made.measures[-1].baseline == {"rmse": 30340.1, "r2": 0.88}
    assert made.actions == {"bash": 2, "edit": 2, "validate": 2, "submit": 1}
    assert (made.usage.requests, made.usage.cost) == (7, 0.5)
    assert [one.role for one in found.messages[:3]] == ["system", "user", "assistant"]
    assert found.messages[1].content == "TASK" and found.messages[2].content == "Next."


def test_a_score_at_the_end_of_a_budget_is_the_submissions(tmp_path: Path) -> None:
    document = original(exit_status="autosubmission (max_steps)")
    document["trajectory"].pop()
    made = from_traj(document, task="t", agent="a", number=1).attempt
    assert made.submission is not None and made.submission.scores["r2"] == 0.9
    assert made.actions.get("submit") is None and made.exit_status == "autosubmission (max_steps)"


def test_a_trajectory_of_swe_agent_is_read_too() -> None:
    step = {"action": "ls", "observation": "a\n", "response": "ls", "state": {"working_dir": "/r"}, "thought": ""}
    document = {"environment": "swe_main", "trajectory": [step], "history": [], "info": {"exit_status": "submitted"}}
    assert shown(from_traj(document, task="t", agent="a", number=1)) == [("bash", "ls", "a\n", 0.0)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "can't be read as JSON"),
        ("[]", "it should be a .traj"),
        ('{"a": 1}', "it should be a .traj"),
        ('{"trajectory": []}', "say which with --task"),
        ('{"format": "mlgym-mcp/session-1"}', "incomplete"),
        ('{"trajectory": [{}], "info": {"task": "toy-v1"}}', "has not the form"),
        ('{"schema_version": "ATIF-v2.0"}', "breaks a rule of ATIF"),
    ],
)
def test_what_is_no_trajectory_is_refused_with_what_would_be(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadTrajectory, match=why):
        read(tmp_path / "x.json")


def test_half_a_character_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "blotto.traj").write_text(json.dumps(original()).replace("TASK", "T\\ud800K"))
    assert read(tmp_path / "blotto.traj").messages[1].content == "T?K"


def test_ten_thousand_events_go_through_every_format() -> None:
    events = [bash(f"echo {number}", f"{number}\n", at=float(number)) for number in range(10_000)]
    long = Trajectory(attempt(), [*events, bash("big", "x" * 5_000_000), verdict("submit", 0.8)])
    assert shown(from_traj(to_traj(long), task="t", agent="a", number=1)) == shown(long)
    assert shown(from_atif(to_atif(long, version="1"), task="t")) == shown(long)
    assert len(to_chat(long)["messages"]) == 2 * 10_002 + 1
    spoke = replace(long, messages=from_chat(to_chat(long)))
    assert len(to_traj(spoke)["trajectory"]) == 10_002
