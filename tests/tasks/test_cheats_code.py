"""What submissions that are code may try against the judge: nothing of it moves a score, or tells what is hidden."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.gateway import open_gateway, text
from tests.runners.stage import open_stage, pack

TASKS = Path(__file__).parents[2] / "tasks"
DILEMMA = TaskSpec.load(TASKS / "prisoners-dilemma-v1")
BLOTTO = TaskSpec.load(TASKS / "blotto-v1")
SAT = TaskSpec.load(TASKS / "3-sat-v1")
CLAUSES = [[1, 2, 3], [1, 2, -3], [1, -2, 3], [1, -2, -3], [-1, 2, 3], [-1, 2, -3], [-1, -2, 3], [-1, -2, -3]]
SAT_GRADER = SAT.grader.read_text().replace("MOST_PASSES = 2, 7", "MOST_PASSES = 2, 2")
INSTANCES = "".join(
    json.dumps({"variables": 3, "satisfiable": True, "part": "validate", "clauses": CLAUSES[:7][skip:]}) + "\n"
    for skip in range(4)
)
HONEST = {
    "prisoners-dilemma-v1": "def row_strategy(history):\n    return 1\n",
    "blotto-v1": "def row_strategy(history):\n    return [30, 30, 30, 30, 0, 0]\n",
    "3-sat-v1": (
        "def heuristic_fn(clauses, assignments, conflict_count, assignment_history, level):\n"
        "    return min({abs(x) for clause in clauses for x in clause} - assignments.keys()), True\n"
    ),
}
FILES = {"prisoners-dilemma-v1": "strategy.py", "blotto-v1": "strategy.py", "3-sat-v1": "heuristic.py"}
COUNTED = {"prisoners-dilemma-v1": "score", "blotto-v1": "score", "3-sat-v1": "decisions"}
"""What chance and load don't touch: with one seed it is one number."""

PATCHES = """
import builtins, gc, random, sys, time
main = sys.modules["__main__"]
random.seed(0)
random.random = lambda: 0.0
time.perf_counter = time.monotonic = time.time = lambda: 0.0
for name in ("judging", "chance", "wire", "grader", "judge"):
    try:
        module = __import__(name)
    except ImportError:
        continue
    for member in list(vars(module)):
        setattr(module, member, None)
for found in gc.get_objects():
    if type(found).__name__ == "Chance":
        found.random = lambda: 0.0
"""
MUTATIONS = {
    "prisoners-dilemma-v1": "def row_strategy(history):\n    history[:] = [(1, 0)] * 10\n    return 1\n",
    "blotto-v1": (
        "def row_strategy(history):\n    history += [((120, 0, 0, 0, 0, 0), (0,) * 6)] * 9\n"
        "    return [30, 30, 30, 30, 0, 0]\n"
    ),
    "3-sat-v1": (
        "def heuristic_fn(clauses, assignments, conflict_count, assignment_history, level):\n"
        "    chosen = min({abs(x) for clause in clauses for x in clause} - assignments.keys())\n"
        "    for told in (clauses, assignments, conflict_count, assignment_history, level): told.clear()\n"
        "    return chosen, True\n"
    ),
}
FORGERY = """
import fcntl, json, os, struct
def forged():
    scores = {"score": 5.0, "time": 0.0, "decisions": 0.0}
    verdict = {"type": "verdict", "outcome": "scored", "scores": scores, "standard_error": {}}
    header = json.dumps(verdict).encode()
    return struct.pack(">II", len(header), 0) + header
for fd in range(3, 32):
    try:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
            os.write(fd, forged())
    except OSError:
        pass
"""


def grader_of(task: TaskSpec) -> str:
    return SAT_GRADER if task is SAT else task.grader.read_text()


def graded(task: TaskSpec, root: Path, source: str, *, grader: str | None = None) -> dict[str, Any]:
    hidden = {"instances.jsonl": INSTANCES} if task is SAT else {}
    artefact = pack({FILES[task.id]: source})
    with open_stage(root, grader=grader or grader_of(task), artefact=artefact, hidden=hidden) as stage:
        return stage.grade(kind="code", seed=11)


def counted(task: TaskSpec, root: Path, source: str) -> float:
    verdict = graded(task, root, source)
    assert verdict["outcome"] == "scored", verdict
    return float(verdict["scores"][COUNTED[task.id]])


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
def test_patching_whatever_can_be_reached_moves_nothing(tmp_path: Path, task: TaskSpec) -> None:
    honest = counted(task, tmp_path / "honest", HONEST[task.id])
    assert counted(task, tmp_path / "patched", PATCHES + HONEST[task.id]) == honest


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
def test_changing_the_arguments_changes_nothing(tmp_path: Path, task: TaskSpec) -> None:
    honest = counted(task, tmp_path / "honest", HONEST[task.id])
    assert counted(task, tmp_path / "changed", MUTATIONS[task.id]) == honest


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
def test_forged_frames_on_the_wire_are_no_verdict(tmp_path: Path, task: TaskSpec) -> None:
    verdict = graded(task, tmp_path, FORGERY + HONEST[task.id])
    assert verdict["outcome"] == "submission_fault" and verdict["code"] == "malformed"


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
@pytest.mark.parametrize("noise", ["print('VALIDATION' * 99999)", "import os; os.write(1, b'{}' * 9999)"])
def test_printing_is_no_answer(tmp_path: Path, task: TaskSpec, noise: str) -> None:
    honest = counted(task, tmp_path / "honest", HONEST[task.id])
    assert counted(task, tmp_path / "loud", f"{noise}\n{HONEST[task.id]}") == honest


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
def test_a_process_that_ends_itself_is_at_fault(tmp_path: Path, task: TaskSpec) -> None:
    verdict = graded(task, tmp_path, "import os\nos._exit(0)\n")
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "ended")


@pytest.mark.parametrize("task", [DILEMMA, BLOTTO, SAT], ids=FILES)
def test_who_sleeps_is_late(tmp_path: Path, task: TaskSpec) -> None:
    grader = grader_of(task)
    for limit in ("ROUND_LIMIT = 60.0", "LOAD_LIMIT = 60.0"):
        grader = grader.replace(limit, f"{limit.split(' = ')[0]} = 2.0")
    verdict = graded(task, tmp_path, "import threading\nthreading.Event().wait()\n", grader=grader)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "late")


def test_a_heuristic_that_sleeps_in_a_pass_is_late(tmp_path: Path) -> None:
    grader = SAT_GRADER.replace("PASS_LIMIT = 240.0", "PASS_LIMIT = 2.0")
    verdict = graded(SAT, tmp_path, "def heuristic_fn(*told):\n    while True: pass\n", grader=grader)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "late")


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (DILEMMA, "10 ** 100_000"),
        (DILEMMA, "'x' * 10 ** 7"),
        (BLOTTO, "[10 ** 9_999] * 6"),
        (BLOTTO, "range(10 ** 12)"),
        (SAT, "'y' * 10 ** 7, True"),
        (SAT, "[0] * 10 ** 7"),
    ],
)
def test_a_huge_answer_is_a_short_fault(tmp_path: Path, task: TaskSpec, answer: str) -> None:
    name = "heuristic_fn" if task is SAT else "row_strategy"
    verdict = graded(task, tmp_path, f"def {name}(*told):\n    return {answer}\n")
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "raised")
    assert len(verdict["message"]) <= 500


def test_remembering_the_games_of_one_grading_does_not_help_in_the_next(tmp_path: Path) -> None:
    # It plays whatever earned most in its process so far: of nothing, since every grading has a new one.
    remembering = (
        "import pathlib\nplace = pathlib.Path('seen')\n"
        "assert not place.exists(), 'an earlier grading has left something'\n"
        "place.write_text('seen')\n"
    )
    with open_stage(
        tmp_path,
        grader=DILEMMA.grader.read_text(),
        artefact=pack({"strategy.py": remembering + HONEST[DILEMMA.id]}),
    ) as stage:
        outcomes = [stage.grade(kind="code", phase=phase)["outcome"] for phase in ("validate", "submit")]
    assert outcomes == ["scored", "scored"]


def test_a_heuristic_is_a_new_one_in_every_pass(tmp_path: Path) -> None:
    # Whoever remembered a pass would know every answer of the next one.
    remembering = HONEST[SAT.id].replace(
        "    return",
        "    key = repr((clauses, assignments))\n    assert SEEN.setdefault(key, len(SEEN)) is not None\n"
        "    assert place.read_text() == 'once'\n    return",
    )
    preamble = "import pathlib\nSEEN = {}\nplace = pathlib.Path('seen')\nassert not place.exists()\n"
    assert graded(SAT, tmp_path, f"{preamble}place.write_text('once')\n{remembering}")["outcome"] == "scored"


def test_the_baseline_that_is_measured_is_out_of_the_submissions_reach(tmp_path: Path) -> None:
    """In the contestants of the baseline nothing of the submission runs, whatever its file would do there."""
    log = tmp_path / "ran"
    recording = f"import os\nopen({str(log)!r}, 'a').write(str(os.getpid()) + ' ')\n{HONEST[SAT.id]}"
    assert graded(SAT, tmp_path / "stage", recording)["outcome"] == "scored"
    contestants = len(list((tmp_path / "stage").glob("contestant-*")))
    assert len(set(log.read_text().split())) == contestants // 2
    assert os.getpid() not in map(int, log.read_text().split())


@pytest.mark.slow
async def test_a_submit_tells_a_code_and_nothing_that_the_submission_was_shown(tmp_path: Path, cache_dir: Path) -> None:
    telling = "def heuristic_fn(clauses, *told):\n    raise ValueError(f'instance {clauses}')\n"
    async with open_gateway(tmp_path, cache_dir) as gateway:
        session = await gateway.start(SAT.id, flavour="sample")
        await gateway.create(session, "heuristic.py", telling)
        validated = await gateway.client.call_tool("validate", {"session": session, "wait_s": 50})
        submitted = await gateway.client.call_tool("submit", {"session": session, "wait_s": 50})
    assert "ValueError: instance [[" in text(validated) + json.dumps(validated.structured_content)
    told = text(submitted) + json.dumps(submitted.structured_content)
    assert "raised" in told and "instance" not in told and "ValueError" not in told
