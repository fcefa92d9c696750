"""The judge turns everything that can happen to a grading into a verdict that says whose fault it is."""

from pathlib import Path
from typing import Any

import pytest

from tests.runners.stage import open_runner, open_stage, pack

HEAD = "from judging import Case, Fault, Measure\n"


def graded(root: Path, body: str, *, artefact: bytes | None = None, kind: str = "data") -> dict[str, Any]:
    """The verdict of a grader whose `grade(case)` has that body."""
    grader = f"{HEAD}def grade(case):\n    {body}\n"
    with open_stage(root, grader=grader, artefact=artefact or pack({"a.txt": "text"})) as stage:
        return stage.grade(kind=kind)


def test_measures_become_scores_and_standard_errors(tmp_path: Path) -> None:
    verdict = graded(tmp_path, "return {'r2': Measure(0.5, 0.1), 'rmse': Measure(3)}")
    assert verdict == {
        "type": "verdict",
        "outcome": "scored",
        "scores": {"r2": 0.5, "rmse": 3.0},
        "standard_error": {"r2": 0.1},
    }


def test_the_case_is_what_the_host_asked_for(tmp_path: Path) -> None:
    grader = HEAD + (
        "def grade(case):\n"
        "    text = (case.submission / 'a.txt').read_text() + (case.hidden / 'b.txt').read_text()\n"
        "    raise Fault('told', f'{text} {case.phase} {case.flavour} {case.seed}')\n"
    )
    hidden = {"b.txt": "hidden"}
    with open_stage(tmp_path, grader=grader, artefact=pack({"a.txt": "seen "}), hidden=hidden) as stage:
        assert stage.grade(phase="submit", seed=2**63)["message"] == f"seen hidden submit full {2**63}"
        assert stage.grade(phase="upstream", seed=5)["message"] == "seen hidden upstream full 5"


def test_prints_of_a_grader_do_not_reach_the_channel(tmp_path: Path) -> None:
    body = "print('noise' * 1000, flush=True); import os; os.write(1, b'more'); return {'a': Measure(1.0)}"
    assert graded(tmp_path, body)["outcome"] == "scored"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise Fault('bad_rows', 'x' * 9999)", "bad_rows", "x" * 500),
        ("return {'a': Measure(float('nan'))}", "not_finite", "a is not a finite number on this submission"),
        ("return {'a': Measure(1.0, float('inf'))}", "not_finite", "a is not a finite number on this submission"),
        ("return grade(case)", "judge_limits", "the judge ran into its limits on this submission (RecursionError)"),
        ("raise MemoryError", "judge_limits", "the judge ran into its limits on this submission (MemoryError)"),
    ],
)
def test_a_submission_to_blame_is_a_submission_fault(tmp_path: Path, body: str, code: str, message: str) -> None:
    verdict = graded(tmp_path, body)
    assert verdict == {"type": "verdict", "outcome": "submission_fault", "code": code, "message": message}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("return {'a': 0.5}", "AttributeError"),
        ("case.contestant(0)", "there is no contestant 0"),
        ("open('/nowhere')", "FileNotFoundError"),
        ("return ]", "SyntaxError"),
    ],
)
def test_a_grader_to_blame_is_a_grader_error(tmp_path: Path, body: str, message: str) -> None:
    verdict = graded(tmp_path, body)
    assert verdict["outcome"] == "grader_error"
    assert message in verdict["message"]


def test_an_archive_that_is_no_tar_is_a_fault_every_time(tmp_path: Path) -> None:
    with open_stage(tmp_path, grader="", artefact=b"no tar" * 200) as stage:
        for _ in range(2):
            assert stage.grade()["code"] == "bad_archive"


def test_the_judge_ends_with_its_host(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/artefact.tar").write_bytes(pack({}))
    with open_runner("judge", tmp_path) as judge:
        assert judge.process.stdin is not None
        judge.process.stdin.close()
        assert judge.process.wait(30) == 0


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\2[]", b"\0\0\0\2{}"])
def test_a_contestants_answer_that_is_no_message_is_a_fault(tmp_path: Path, answer: bytes) -> None:
    grader = HEAD + "def grade(case):\n    case.contestant(0).ask({'op': 'map'}, limit=1.0)\n"
    with open_stage(tmp_path, grader=grader, artefact=pack({})) as stage:
        request = {"type": "grade", "phase": "submit", "flavour": "full", "seed": 1, "kind": "code"}
        asked, _ = stage.judge.exchange(request)
        assert asked == {"type": "ask", "contestant": 0, "limit": 1.0}
        verdict, _ = stage.judge.exchange({"type": "answer"}, answer)
        assert (verdict["outcome"], verdict["code"]) == ("submission_fault", "malformed")


@pytest.mark.parametrize("reason", ["late", "ended", "oversized", "malformed"])
def test_silence_of_a_contestant_is_a_fault_with_its_reason(tmp_path: Path, reason: str) -> None:
    grader = HEAD + "def grade(case):\n    case.contestant(3).ask({}, limit=1.0)\n"
    with open_stage(tmp_path, grader=grader, artefact=pack({})) as stage:
        request = {"type": "grade", "phase": "submit", "flavour": "full", "seed": 1, "kind": "code"}
        assert stage.judge.exchange(request)[0]["contestant"] == 3
        verdict, _ = stage.judge.exchange({"type": "silence", "reason": reason})
        assert (verdict["outcome"], verdict["code"]) == ("submission_fault", reason)
