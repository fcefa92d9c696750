"""Files that others wrote, as clients read them: trajectories, runs, tables of scores, plans. Read, or refused."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from mlgym_clients.metrics.of_csv import BadTable, read_table
from mlgym_clients.records.folder import NoRun, RunFolder
from mlgym_clients.runs.plan import BadPlan, Plan
from mlgym_clients.trajectories.atif import to_atif
from mlgym_clients.trajectories.chat import from_chat, to_chat
from mlgym_clients.trajectories.reading import read
from mlgym_clients.trajectories.traj import to_traj
from mlgym_clients.trajectories.trajectory import BadTrajectory

from tests.clients.trajectories.samples import original, silent, spoken
from tests.fuzz.strategies import json_values, spoilt, texts, words

LONGEST = 3000
"""Characters of an explanation."""
TASK = "battle-of-the-sexes-v1"


@contextmanager
def written(name: str, content: bytes) -> Iterator[Path]:
    """A file in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        yield file


def see_trajectory(content: bytes) -> None:
    """See that a trajectory is read as one that can be written in each format, or refused."""
    with written("x.traj", content) as file:
        try:
            found = read(file, task=TASK)
        except BadTrajectory as error:
            assert str(file) in str(error) and len(str(error)) < LONGEST
            return
        json.dumps([to_atif(found, version="1"), to_chat(found), to_traj(found)])


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """A document of which one part, however deep, is something else or gone."""
    if isinstance(document, dict) and document and draw(st.booleans() | st.booleans()):
        name = draw(st.sampled_from(sorted(document)))
        rest = {key: value for key, value in document.items() if key != name}
        return rest if draw(st.integers(0, 5)) == 0 else {**rest, name: draw(changed(document[name]))}
    if isinstance(document, list) and document and draw(st.booleans()):
        place = draw(st.integers(0, len(document) - 1))
        return [*document[:place], draw(changed(document[place])), *document[place + 1 :]]
    return draw(json_values)


TRAJ = original()
OURS = json.loads(json.dumps(to_traj(silent())))
ATIF = json.loads(json.dumps(to_atif(spoken(), version="1")))
EVENTS = json.loads(json.dumps(list(silent().events)))
SESSION: dict[str, Any] = {
    "format": "mlgym-mcp/session-1",
    **{"task": TASK, "flavour": "sample", "protocol": "strict", "created_at": 0.0, "closed_at": 9.0},
    **{"exit_status": "submitted", "branched": False, "submission": None, "events": EVENTS},
    "budget": {"opened_at": 0.0, "steps": 4, "limits": {"steps": 50}},
}
DOCUMENTS = [TRAJ, OURS, ATIF, SESSION]


@given(st.sampled_from(DOCUMENTS).flatmap(changed))
@example({**TRAJ, "trajectory": [{"action": "ls", "execution_time": 10**400, "state": {}}]})
@example({**TRAJ, "trajectory": [{"action": "ls", "execution_time": "nan", "state": {}}]})
@example({**TRAJ, "trajectory": [{"action": "ls", "state": "[" * 100_000}]})
@example({**SESSION, "budget": {**SESSION["budget"], "opened_at": 10**400}})
@example({**SESSION, "events": [3]})
@example({**ATIF, "steps": [{**ATIF["steps"][0], "timestamp": "9999-99-99"}]})
def test_a_trajectory_of_elsewhere_is_read_or_refused(document: Any) -> None:
    see_trajectory(json.dumps(document).encode())


@given(st.binary(max_size=60) | st.sampled_from(DOCUMENTS).flatmap(lambda one: spoilt(json.dumps(one).encode())))
@example(b"[" * 200_000)
@example(b'{"trajectory": ' + b"9" * 5000 + b"}")
@example(b"\xef\xbb\xbf{}")
def test_bytes_that_may_be_a_trajectory_are_read_or_refused(content: bytes) -> None:
    see_trajectory(content)


@given(changed(json.loads(json.dumps(to_chat(spoken())))))
@example({"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": 1, "function": []}]}]})
@example({"messages": [{"role": "user", "content": "", "tool_calls": 3}]})
@example({"messages": [3]})
@example([])
def test_a_line_of_chat_is_read_or_refused(line: Any) -> None:
    try:
        from_chat(line)
    except BadTrajectory as error:
        assert len(str(error)) < LONGEST


def test_a_conversation_goes_through_chat_and_back() -> None:
    said = spoken().messages
    kept = [(one.role, one.content, one.tool_calls, one.tool_call_id) for one in from_chat(to_chat(spoken()))]
    assert kept == [(one.role, one.content, one.tool_calls, one.tool_call_id) for one in said]


CELLS = words | st.sampled_from(["baseline", "maximize", "nan", "inf", "1e999", "9" * 5000, "-", "", "1", "\0", '"'])
HEADINGS = st.sampled_from(
    ["method,task,score", "method,task,score,goal", "method,task,score,submission,goal,x", "", "a"]
)


@given(HEADINGS, st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=4), st.sampled_from(["utf-8", "utf-16"]))
@example("method,task,score,goal", ["a,b,1,maximize", "a,b,1,minimize"], "utf-8")
@example("method,task,score,goal", ['a,b,"' + "x" * 200_000], "utf-8")
def test_a_table_of_scores_is_read_or_refused(heading: str, lines: list[str], encoding: str) -> None:
    with written("t.csv", "\n".join([heading, *lines]).encode(encoding)) as file:
        try:
            read_table(file, {})
        except BadTable as error:
            assert str(file) in str(error) and len(str(error)) < 8000


PLAN: dict[str, Any] = {"tasks": ["all"], "agents": ["baseline", {"kind": "model", "model": "x"}], "attempts": 2}
MATRIX = yaml.safe_dump(PLAN).encode()
BOMB = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@given(
    spoilt(MATRIX)
    | changed(PLAN).map(lambda plan: yaml.safe_dump(plan).encode("utf-8", "replace"))
    | st.dictionaries(st.sampled_from([*Plan.model_fields, "x"]), json_values | texts, max_size=3).map(
        lambda plan: yaml.safe_dump({**PLAN, **plan}).encode("utf-8", "replace")
    )
)
@example(b"tasks: 2001-99-99\n")
@example(b"tasks: " + b"9" * 5000)
@example(b"tasks: " + b"[" * 2000)
@example(b"3: 4\n")
@example(("a: &a [x, x, x, x, x, x, x, x]\n" + BOMB).encode() + MATRIX)
@example(("a: &a [x, x, x, x, x, x, x, x]\n" + BOMB + "tasks: *i\n").encode())
@example(b"agents: &a [*a]\ntasks: [all]\n")
@example(b"agents: [{kind: [x], name: {}}]\ntasks: [all]\n")
@example(MATRIX + b"data_dir: ~nobody-at-all/x\n")
@example(MATRIX + b"tasks: 0x" + b"f" * 5000 + b"\n")
def test_a_plan_is_read_or_refused(content: bytes) -> None:
    with written("plan.yaml", content) as file:
        try:
            Plan.read(file, {})
        except BadPlan as error:
            assert len(str(error)) < LONGEST


RUN_FILES = st.sampled_from(["run.json", f"attempts/{TASK}/a/1/attempt.json", f"attempts/{TASK}/a/x/attempt.json"])


@given(RUN_FILES | st.just(f"attempts/{TASK}/a/1/events.jsonl"), json_values.map(json.dumps) | words)
@example(f"attempts/{TASK}/a/x/attempt.json", "{}")
@example(f"attempts/{TASK}/a/1/events.jsonl", "{\n")
@example(f"attempts/{TASK}/a/1/messages.jsonl", "3\n")
@example(f"attempts/{TASK}/a/1/messages.jsonl", '{"role": 3}\n')
def test_a_runs_folder_is_read_or_refused(name: str, content: str) -> None:
    with written(name, content.encode()) as file:
        place = Path(str(file).removesuffix(name))
        folder = RunFolder(place)
        sound = silent().attempt.model_copy(update={"task": TASK, "agent": "a"})
        if not name.endswith("attempt.json"):
            folder.write_attempt(sound)
        for look in (folder.read_run, lambda: list(folder.attempts()), lambda: [read(place / f"attempts/{TASK}/a/1")]):
            try:
                look()
            except (NoRun, BadTrajectory) as error:
                assert str(place) in str(error) and len(str(error)) < LONGEST
