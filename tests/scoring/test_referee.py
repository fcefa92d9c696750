"""What comes of an artefact: a score, the submission's fault, or ours; in real sandboxes."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.sandbox.base import Limits
from mlgym_mcp.scoring import grading
from mlgym_mcp.scoring.request import ArtefactRef, ScoreRequest
from tests.scoring.arena import Arena, write_task

COUNT = """
from judging import Fault, Measure
def grade(case):
    answer = (case.submission / "answer.txt").read_text()
    if not answer:
        raise Fault("empty", "answer.txt is empty")
    return {"points": Measure(len(answer), 0.5)}
"""
SEED = """
from judging import Measure
def grade(case):
    return {"points": Measure(case.seed % 1_000_003)}
"""
ASK = """
from wire import Array
from array import array
from judging import Measure
def grade(case):
    question = {"op": "map", "file": "strategy.py", "function": "answer"}
    _, answers = case.contestant(0).ask(question, [Array.of(array("B", [0] * 8), (4, 2))], limit=LIMIT)
    return {"points": Measure(sum(answers[0].values()))}
"""


async def test_an_artefact_is_scored_with_standard_error_and_reward(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    score = await arena.score(write_task(tmp_path / "count", grader=COUNT), {"answer.txt": "five!"})
    assert (score.outcome, score.scores, score.standard_error) == ("scored", {"points": 5.0}, {"points": 0.5})
    assert (score.reward, score.baseline, score.flavour, score.backend) == (0.5, {"points": 0}, "full", "bubblewrap")


async def test_a_fault_of_the_submission_says_what_to_mend_and_costs_the_reward(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    score = await arena.score(write_task(tmp_path / "count", grader=COUNT), {"answer.txt": ""})
    assert (score.outcome, score.fault_code, score.reward) == ("submission_fault", "empty", -1.0)
    assert score.fault_message == "answer.txt is empty"


@pytest.mark.parametrize(
    "grader",
    ["def grade(case): raise RuntimeError('a bug of ours')", "import os\ndef grade(case): os._exit(3)", "syntax error"],
    ids=["raises", "ends", "does not import"],
)
async def test_a_bug_of_the_grader_is_never_held_against_the_submission(tmp_path: Path, grader: str) -> None:
    arena = await Arena.open(tmp_path)
    score = await arena.score(write_task(tmp_path / "broken", grader=grader), {"answer.txt": "fine"})
    assert (score.outcome, score.scores, score.reward) == ("infrastructure_fault", {}, None)
    assert score.fault_message is None


@pytest.mark.parametrize("metrics", ["{}", "{'other': Measure(1)}", "{'points': Measure(1), 'other': Measure(1)}"])
async def test_a_grader_that_measures_other_metrics_than_the_tasks_is_at_fault(tmp_path: Path, metrics: str) -> None:
    arena = await Arena.open(tmp_path)
    grader = f"from judging import Measure\ndef grade(case): return {metrics}"
    score = await arena.score(write_task(tmp_path / "other", grader=grader), {"answer.txt": "x"})
    assert (score.outcome, score.scores, score.reward) == ("infrastructure_fault", {}, None)


async def test_an_artefact_that_the_judges_sandbox_refuses_is_our_fault(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "count", grader=COUNT)
    vast = tmp_path / "vast.tar"
    with vast.open("xb") as file:
        file.truncate(256 * 1024 * 1024)  # more than the disk of a judge holds
    artefact = ArtefactRef(hashlib.sha256(b"vast").hexdigest(), vast, vast.stat().st_size)
    prepared = await arena.data.prepare(task)
    request = ScoreRequest(task, prepared, artefact, "validate", "strict", "a-session")
    assert (await arena.referee.score(request)).outcome == "infrastructure_fault"


async def test_a_submission_that_exhausts_the_judges_memory_is_at_fault(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    hungry = "def grade(case):\n    kept = []\n    while True: kept.append(bytearray(1 << 24))"
    score = await arena.score(write_task(tmp_path / "hungry", grader=hungry), {"answer.txt": "x"})
    assert (score.outcome, score.fault_code) == ("submission_fault", "judge_limits")


async def test_a_scoring_that_takes_too_long_is_the_submissions_fault(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "slow", grader="def grade(case):\n    while True: pass", time_limit=0.5)
    score = await arena.score(task, {"answer.txt": "x"})
    assert (score.outcome, score.fault_code) == ("submission_fault", "late")


async def test_a_submit_is_also_scored_on_all_of_upstreams_examples(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    grader = "from judging import Measure\ndef grade(case): return {'points': Measure(len(case.phase))}"
    task = write_task(tmp_path / "phases", grader=grader)
    validated = await arena.score(task, {"answer.txt": "x"})
    submitted = await arena.score(task, {"answer.txt": "x"}, phase="submit")
    original = await arena.score(task, {"answer.txt": "x"}, protocol="mlgym")
    assert (validated.scores["points"], validated.upstream_scores) == (len("validate"), None)
    assert (submitted.scores["points"], submitted.upstream_scores) == (len("submit"), {"points": len("upstream")})
    assert original.scores["points"] == len("upstream")


async def test_seeds_repeat_for_one_artefact_in_one_session_and_differ_otherwise(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "seeds", grader=SEED)
    first = await arena.score(task, {"answer.txt": "x"})
    others = [
        await arena.score(task, {"answer.txt": "x"}, session="another-session"),
        await arena.score(task, {"answer.txt": "x"}, phase="submit"),
        await arena.score(task, {"answer.txt": "y"}),
    ]
    assert (await arena.score(task, {"answer.txt": "x"})).scores == first.scores
    assert len({score.scores["points"] for score in [first, *others]}) == 4


CODE = {
    "answers": ("def answer(rows): return len(rows)", "scored", None),
    "raises": ("def answer(rows): return 1 / 0", "submission_fault", "raised"),
    "never answers": ("def answer(rows):\n    while True: pass", "submission_fault", "late"),
    "ends its process": ("import os\ndef answer(rows): os._exit(0)", "submission_fault", "ended"),
    "kills itself": ("import os\ndef answer(rows): os.kill(os.getpid(), 9)", "submission_fault", "ended"),
    "is not Python": ("def answer(rows: return", "submission_fault", "raised"),
    "exhausts its memory": ("def answer(rows): return len(bytearray(1 << 40))", "submission_fault", "raised"),
    "writes to every descriptor": (
        "import os\ndef answer(rows):\n    for fd in range(3, 64):\n        try: os.write(fd, b'\\xff' * 64)\n"
        "        except OSError: pass\n    return 1",
        "submission_fault",
        "malformed",
    ),
}


@pytest.mark.parametrize(("code", "outcome", "fault"), CODE.values(), ids=CODE.keys())
async def test_code_that(tmp_path: Path, code: str, outcome: str, fault: str | None) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "code", grader=ASK.replace("LIMIT", "1.0"), kind="code")
    score = await arena.score(task, {"strategy.py": code})
    assert (score.outcome, score.fault_code and score.fault_code.replace("oversized", "malformed")) == (outcome, fault)


async def test_code_that_does_not_load_in_time_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "LOAD_LIMIT", 1.0)
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "code", grader=ASK.replace("LIMIT", "20.0"), kind="code")
    files = {"strategy.py": "def answer(rows): return 1", "numpy.py": "while True: pass"}
    score = await arena.score(task, files)
    assert (score.outcome, score.fault_code) == ("submission_fault", "late")
    assert "did not answer" in (score.fault_message or "")


async def test_a_contestant_sees_neither_hidden_data_nor_grader_nor_seed(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "spy", grader=ASK.replace("LIMIT", "20.0"), kind="code")
    spy = """
import os, pathlib
def answer(rows):
    seen = [p for p in ("/hidden", "/grader", "/task", "/data", "/sources") if os.path.exists(p)]
    text = " ".join(f"{k}={v}" for k, v in os.environ.items())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: text += pathlib.Path(f"/proc/{pid}/environ").read_text()
        except OSError: pass
    return len(seen) + text.count("hidden-answer") + text.count("token")
"""
    score = await arena.score(task, {"strategy.py": spy})
    assert (score.outcome, score.scores) == ("scored", {"points": 0.0})


async def test_nothing_of_a_scoring_is_left_behind_or_counted_any_more(tmp_path: Path) -> None:
    counts: list[int] = []

    @contextmanager
    def counted(limits: Limits) -> Iterator[None]:
        counts.append(limits.memory)
        yield
        counts.append(-limits.memory)

    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "code", grader=ASK.replace("LIMIT", "1.0"), kind="code")
    await arena.score(task, {"strategy.py": "def answer(rows): return 1"}, counted=counted)
    memory = task.resources.memory
    assert counts == [memory, memory, -memory, -memory]
    with anyio.move_on_after(0.3):
        await arena.score(task, {"strategy.py": "def answer(rows):\n    while True: pass"})
    assert await arena.backend.ids() == []
