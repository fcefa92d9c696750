"""Fashion-MNIST's grader counts the right rows and tells precisely what is wrong with a file."""

from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import open_stage, pack

TASKS = Path(__file__).parents[2] / "tasks"
TASK = TaskSpec.load(TASKS / "image-classification-fmnist-v1")
CIFAR = TaskSpec.load(TASKS / "image-classification-cifar10-v1")
ANSWERS = "label,part\n0,validate\n1,submit\n2,submit\n9,validate\n4,submit\n"


def graded(root: Path, submission: str | None, *, phase: str = "validate") -> dict[str, Any]:
    artefact = pack({} if submission is None else {"submission.csv": submission})
    with open_stage(root, grader=TASK.grader.read_text(), artefact=artefact, hidden={"answers.csv": ANSWERS}) as stage:
        return stage.grade(phase=phase)


@pytest.mark.parametrize(("phase", "accuracy"), [("validate", 1 / 2), ("submit", 2 / 3), ("upstream", 3 / 5)])
def test_each_phase_counts_its_own_rows(tmp_path: Path, phase: str, accuracy: float) -> None:
    verdict = graded(tmp_path, "label\n0\n1\n2\n3\n3\n", phase=phase)
    assert verdict["scores"] == {"accuracy": accuracy}
    assert verdict["standard_error"]["accuracy"] > 0


def test_other_columns_and_blanks_do_no_harm(tmp_path: Path) -> None:
    rows = "".join(f"{row}, {label} \r\n" for row, label in enumerate([0, 1, 2, 9, 4]))
    assert graded(tmp_path, "id, label\r\n" + rows)["scores"] == {"accuracy": 1.0}


@pytest.mark.parametrize(
    ("submission", "code", "message"),
    [
        (None, "missing_file", "the submission has no file submission.csv"),
        ("", "missing_column", "submission.csv has no column 'label'; its header line has nothing"),
        ("0\n1\n2\n9\n4\n", "missing_column", "submission.csv has no column 'label'; its header line has '0'"),
        ("label\n0\n1\n", "wrong_rows", "submission.csv has 2 rows after its header line; 5 are expected"),
        ("label\n" + "0\n" * 6, "wrong_rows", "submission.csv has more than the 5 rows expected after its header line"),
        ("label\n0\n1\n2.0\n9\n4\n", "bad_value", "submission.csv, row 3: '2.0' is not a whole number"),
        ("label\n0\n1\n2\n9\nboot\n", "bad_value", "submission.csv, row 5: 'boot' is not a whole number"),
        ("label\n-1\n1\n2\n9\n4\n", "bad_value", "submission.csv, row 1: '-1' is not a whole number"),
        ("label\n1_0\n1\n2\n9\n4\n", "bad_value", "submission.csv, row 1: '1_0' is not a whole number"),
        ("label\n٣\n1\n2\n9\n4\n", "bad_value", "submission.csv, row 1: '٣' is not a whole number"),
        ("label\n0\n10\n2\n9\n4\n", "bad_value", "submission.csv, row 2: label 10 is not one of 0 to 9"),
        ("label\n" + "9" * 5000 + "\n1\n2\n9\n4\n", "bad_value", "row 1: label " + "9" * 40 + " is not one of 0 to 9"),
    ],
)
def test_a_file_that_is_wrong_is_a_precise_fault(
    tmp_path: Path, submission: str | None, code: str, message: str
) -> None:
    verdict = graded(tmp_path, submission)
    assert (verdict["outcome"], verdict["code"]) == ("submission_fault", code)
    assert message in verdict["message"]


def test_cifar_10_is_graded_by_the_same_program() -> None:
    assert CIFAR.grader_hash == TASK.grader_hash


@pytest.mark.parametrize("task", [TASK, CIFAR], ids=[TASK.id, CIFAR.id])
def test_the_workspace_starts_with_the_baseline(task: TaskSpec) -> None:
    assert list(task.starter_files()) == ["baseline.py"] and task.starter_files() == task.baseline_files()
