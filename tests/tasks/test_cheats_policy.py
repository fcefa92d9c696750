"""What a policy may try: none of it moves a score, and whatever breaks the rules is a fault that says so."""

from pathlib import Path

import pytest

from tests.tasks.ring import CHECKPOINTS, EPISODES, corridor, policy, scored

HONEST = policy("self.random.integers(4, size=len(first))")


async def test_changing_what_it_was_shown_changes_nothing(tmp_path: Path, cache_dir: Path) -> None:
    task = corridor(tmp_path)
    honest = await scored(tmp_path / "honest", cache_dir, task, policy("self.random.integers(3, size=len(first))"))
    vandal = policy("(observations.fill(7), first.fill(True), self.random.integers(3, size=len(first)))[2]")
    changed = await scored(tmp_path / "vandal", cache_dir, task, vandal)
    assert changed.outcome == honest.outcome == "scored"
    # Another file, so other seeds: equal but for chance.
    error = (changed.standard_error["reward_mean"] ** 2 + honest.standard_error["reward_mean"] ** 2) ** 0.5
    assert abs(changed.scores["reward_mean"] - honest.scores["reward_mean"]) < 5 * error


async def test_checkpoints_leave_each_other_nothing_and_see_no_judge(tmp_path: Path, cache_dir: Path) -> None:
    spy = """
import os, sys, tempfile
from pathlib import Path
for folder in (Path.cwd(), Path("/tmp"), Path("/dev/shm"), Path("/workspace")):
    assert not (folder / "left-by-another").exists()
    (folder / "left-by-another").write_text("a goal")
assert not {"grader", "judge", "policies", "gymnastics"} & set(sys.modules)
assert not Path("/grader").exists() and not Path("/hidden").exists()
"""
    score = await scored(tmp_path, cache_dir, corridor(tmp_path), policy("np.zeros(len(first), int)", before=spy))
    assert score.outcome == "scored", score.fault_message


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        ("np.full(len(first), 4)", "bad_answer", "checkpoints/0, step 1: an action is 4; 0 to 3 are allowed"),
        ("np.full(len(first), -1)", "bad_answer", "an action is -1"),
        ("np.full(len(first), 2**40)", "raised", "does not fit into int32"),
        ("np.zeros(len(first))", "raised", "act returned an array of float64; int32 is expected"),
        ("np.zeros(len(first), bool)", "raised", "act returned an array of bool; int32 is expected"),
        ("None", "raised", "act returned an array of object; int32 is expected"),
        ("np.zeros((len(first), 1), int)", "malformed", "the actions are int32 [80, 1]; int32 [80] is expected"),
        ("np.zeros(len(first) - 1, int)", "malformed", "the actions are int32 [79]; int32 [80] is expected"),
        ("np.zeros((0,), int)", "malformed", "the actions are int32 [0]"),
        ("1 / 0", "raised", "policy.py, line 9: ZeroDivisionError"),
        ("exit('enough')", "raised", "SystemExit: enough"),
        ("__import__('os')._exit(0)", "ended", "ended its process instead of answering"),
    ],
)
async def test_an_answer_that_is_not_allowed_is_a_precise_fault(
    tmp_path: Path, cache_dir: Path, act: str, code: str, message: str
) -> None:
    score = await scored(tmp_path, cache_dir, corridor(tmp_path), policy(act))
    assert (score.outcome, score.fault_code) == ("submission_fault", code)
    assert message in (score.fault_message or "")


async def test_breaking_off_in_the_middle_is_a_fault_too(tmp_path: Path, cache_dir: Path) -> None:
    act = policy("np.full(len(first), 0 if self.steps < 150 else 9)")
    score = await scored(tmp_path, cache_dir, corridor(tmp_path), act)
    assert "checkpoints/0, step 150: an action is 9" in (score.fault_message or "")


async def test_a_policy_that_does_not_answer_is_late(tmp_path: Path, cache_dir: Path) -> None:
    task = corridor(tmp_path)
    task.grader.write_text(task.grader.read_text() + "import policies\npolicies.STEP_LIMIT = 0.5\n")
    act = policy("np.zeros(len(first), int) if self.steps < 3 else __import__('time').sleep(60)")
    score = await scored(tmp_path, cache_dir, task, act)
    assert (score.outcome, score.fault_code) == ("submission_fault", "late")


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"policy.py": None}, "missing_file", "the submission has no file policy.py"),
        ({"checkpoints/3": None}, "missing_file", "no file or folder checkpoints/3 with anything in it"),
        ({"checkpoints/4": "weights 1"}, "same_checkpoints", "checkpoints/1 and checkpoints/4 are identical"),
        (
            {"checkpoints/4": None, "checkpoints/4/copy.npz": "weights 1"},
            "same_checkpoints",
            "checkpoints/1 and checkpoints/4 are identical; train five times",
        ),
        ({"policy.py": "def load(checkpoint"}, "raised", "SyntaxError"),
        ({"policy.py": "import torch"}, "raised", "ModuleNotFoundError"),
        ({"policy.py": "x = 1"}, "raised", "policy.py has no function load"),
    ],
)
async def test_files_that_are_not_as_asked_for_are_a_precise_fault(
    tmp_path: Path, cache_dir: Path, changes: dict[str, str | None], code: str, message: str
) -> None:
    files = {"policy.py": HONEST, **CHECKPOINTS, **changes}
    kept = {name: text for name, text in files.items() if text is not None}
    score = await scored(tmp_path, cache_dir, corridor(tmp_path), kept)
    assert (score.outcome, score.fault_code) == ("submission_fault", code)
    assert message in (score.fault_message or "")


async def test_a_session_repeats_its_score_and_another_session_draws_anew(tmp_path: Path, cache_dir: Path) -> None:
    task, act = corridor(tmp_path), policy("self.random.integers(3, size=len(first))")
    first = await scored(tmp_path / "first", cache_dir, task, act)
    again = await scored(tmp_path / "again", cache_dir, task, act)
    other = await scored(tmp_path / "other", cache_dir, task, act, session="another-session")
    assert (first.scores, first.standard_error) == (again.scores, again.standard_error)
    assert first.scores != other.scores
    total = first.scores["reward_mean"] * EPISODES
    assert abs(total - round(total)) < 1e-6
