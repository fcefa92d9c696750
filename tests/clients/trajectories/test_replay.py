"""Replays: what was done is done again, and where it came out otherwise is told."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mlgym_clients.agents.agent import BadOptions, Seat
from mlgym_clients.agents.registry import make
from mlgym_clients.records.attempt import AttemptKey
from mlgym_clients.records.folder import Event, RunFolder
from mlgym_clients.trajectories.comparison import compare
from mlgym_clients.trajectories.editor import Unmappable, mapped
from mlgym_clients.trajectories.replay import Replayed
from mlgym_clients.trajectories.step import steps

from tests.clients.runs.stage import Stage, Worker
from tests.clients.trajectories.samples import bash, edit, refused, verdict
from tests.fakes import TASK, World, scored
from tests.web.stage import site

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("bash", {"command": "echo hello > note.txt; cat note.txt"}),
    ("edit", {"command": "str_replace", "path": "note.txt", "old_str": "absent", "new_str": "x"}),
    ("edit", {"command": "view", "path": "note.txt"}),
    ("bash", {"command": "cat", "background": True}),
    ("job", {"job": "j2", "action": "input", "input": "fed\n"}),
    ("job", {"job": "j2", "action": "input", "input": ""}),
    ("job", {"job": "j2"}),
    ("bash", {"command": "false"}),
    ("validate", {}),
    ("submit", {}),
]


async def works(seat: Seat) -> None:
    for tool, arguments in CALLS:
        await seat.client.call_tool(tool, arguments)


async def replayed(stage: Stage, events: list[Event]) -> Replayed:
    """What comes of a recording with these events, in a run at a server like the one that it was made with."""
    stage.folder.write_events(stage.attempt().key, events)
    agent = make("replay", {"file": stage.place()})
    second = Stage(World(stage.world.folder / "second"))
    second.world.referee.answers += [scored(0.6), scored(0.7)]
    await second.run(Worker(agent.attempt))
    return Replayed.model_validate_json((second.place() / "replay.json").read_text())


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """A run with one attempt that did a bit of everything."""
    made = Stage(World(tmp_path))
    made.world.referee.answers += [scored(0.6), scored(0.7)]
    assert await made.run(Worker(works)) == "finished"
    return made


async def test_the_same_again_diverges_nowhere(stage: Stage) -> None:
    found = await replayed(stage, stage.folder.read_events(stage.attempt().key))
    assert found.first is None, found
    # What a job had said when it was fed is not held against anything: it went on.
    assert {step.verdict for step in found.steps} <= {"same", "not compared"}
    assert [step.verdict for step in found.steps].count("same") == 8


async def test_the_command_tells_each_step_that_came_out_otherwise_and_ends_with_1(stage: Stage) -> None:
    events = stage.folder.read_events(stage.attempt().key)
    events[0]["reply"]["result"]["head"] = "goodbye\n"
    events[2]["error"], events[2]["reply"] = "there was no such file", None
    [false] = [event for event in events if event["request"].get("command") == "false"]
    false["reply"]["result"]["exit_code"] = 0
    events[-1]["reply"]["score"]["scores"]["accuracy"] = 0.1
    stage.folder.write_events(stage.attempt().key, events)
    stage.world.referee.answers += [scored(0.6), scored(0.7)]
    place = RunFolder(stage.world.folder / "again")
    async with site(stage.world, tools=("evaluation",)) as server:
        command = [sys.executable, "-m", "mlgym_mcp", "replay", str(stage.place()), "--url", server.url]
        ended = await anyio.run_process([*command, "--to", str(place.path)], check=False)
    assert ended.returncode == 1 and b"diverged first at step 1: echo hello > note.txt" in ended.stdout, ended
    report = place.attempt_folder(AttemptKey(TASK, "replay", 1)) / "replay.json"
    found = Replayed.model_validate_json(report.read_text())
    verdicts = [step.verdict for step in found.steps]
    assert (verdicts[0], verdicts[2]) == ("output differs", "refused otherwise")
    assert verdicts[-3:] == ["exit status differs", "same", "score differs"]
    assert found.first == found.steps[0] and found.steps[0].detail == "-goodbye\n+hello"


@pytest.mark.parametrize(
    ("recorded", "now", "verdict_"),
    [
        (bash("a", "took 1.25 s\n"), bash("a", "took 9 s\n"), "same but for times and places"),
        (
            bash("a", "/tmp/tmpx1/y at 0xdeadbeef\n"),
            bash("a", "/tmp/q at 0xfeedface\n"),
            "same but for times and places",
        ),
        (
            bash("a", "2026-01-01 10:00:00,123 ok"),
            bash("a", "2027-02-03 11:12:13,9 ok"),
            "same but for times and places",
        ),
        (bash("a", "loss 0.5\n"), bash("a", "loss 0.6\n"), "output differs"),
        (bash("a", "3 models"), bash("a", "4 models"), "output differs"),
        (bash("a", "x"), bash("a", "x", exit_code=1), "exit status differs"),
        (bash("a", {"$base64": "/w=="}), bash("a", {"$base64": "/w=="}), "same"),
        (bash("a", running=True), bash("a", running=True, exit_code=None), "not compared"),
        (bash("a", exit_code=None), bash("a", exit_code=4), "same"),
        (bash("a"), refused("a", "no"), "refused otherwise"),
        (edit(), edit(), "same"),
        (verdict("submit", 0.8), verdict("submit", 0.84), "score differs by chance"),
        (verdict("submit", 0.8), verdict("submit", 0.85), "score differs"),
        (verdict("submit", 0.8, standard_error={}), verdict("submit", 0.801, standard_error={}), "score differs"),
    ],
)
def test_what_came_of_a_step_is_held_against_what_was_recorded(recorded: Event, now: Event, verdict_: str) -> None:
    [before], [after] = steps([recorded]), steps([now])
    assert compare(before, after)[0] == verdict_


@pytest.mark.parametrize(
    ("command", "before", "after"),
    [
        ("edit 2:3\nB\n  C\nend_of_edit", "a\nb\nc\nd\n", "a\nB\n  C\nd\n"),
        ("edit 1:1\n'x' $y `z`\nend_of_edit", "\n", "'x' $y `z`\n"),
        ("insert 1\nnew\nend_of_insert", "a\nb\n", "a\nnew\nb\n"),
        ("insert 0\nnew\nend_of_insert", "a\n", "new\na\n"),
        ("create 'a file.py'", "kept\n", "kept\n"),
    ],
)
def test_mlgyms_edits_are_made_with_our_shell(tmp_path: Path, command: str, before: str, after: str) -> None:
    file = tmp_path / "a file.py"
    file.write_text(before)
    request = {"command": command, "mlgym": {"open_file": str(file), "working_dir": str(tmp_path)}}
    tool, arguments = mapped(request, "")
    assert tool == "bash"
    subprocess.run(["bash", "-c", arguments["command"]], check=True)
    assert file.read_text() == after and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("command", "why", "harmless"),
    [
        ("goto 7", "moves a window", True),
        ("edit 1:1\nx\nend_of_edit", "refused then", True),
        ("search_dir x", "no tool here", False),
        ("open", "names no file", False),
    ],
)
def test_what_can_not_be_made_again_says_why(command: str, why: str, harmless: bool) -> None:
    request = {"command": command, "mlgym": {"open_file": "/home/agent/workspace/a.py", "working_dir": "/home/agent"}}
    with pytest.raises(Unmappable, match=why) as raised:
        mapped(request, "Your proposed edit has introduced new syntax error(s).")
    assert raised.value.harmless is harmless


def test_paths_of_the_originals_machine_become_ours() -> None:
    request = {"command": "open train.py 5", "mlgym": {"open_file": "n/a", "working_dir": "/home/agent/workspace/src"}}
    assert mapped(request, "") == ("edit", {"command": "view", "path": "/workspace/src/train.py"})


@pytest.mark.parametrize("options", [{}, {"file": "absent.json"}, {"file": "a", "speed": 2}])
def test_a_replay_of_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOptions, match="replay|absent.json"):
        make("replay", json.loads(json.dumps(options)))
