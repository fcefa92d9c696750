"""Two gradings of one artefact: when the second bears the first out."""

from typing import Any

import pytest

from mlgym_mcp.scoring.comparison import compare
from tests.records import score


def graded(value: float, error: float | None = None, **changes: Any) -> Any:
    errors = {} if error is None else {"accuracy": error}
    return score(scores={"accuracy": value}, standard_error=errors, **changes)


@pytest.mark.parametrize(
    ("before", "after", "agreement"),
    [
        (graded(0.3), graded(0.3), "equal"),
        (graded(0.1 + 0.2), graded(0.3), "equal"),
        (graded(0.3), graded(0.301), "differs"),
        (graded(0.30, 0.01), graded(0.34, 0.01), "within three standard errors"),
        (graded(0.30, 0.01), graded(0.35, 0.01), "differs"),
    ],
    ids=["the same", "the same but for rounding", "without an error", "within errors", "beyond errors"],
)
def test_figures_agree_as_far_as_their_errors_let_them(before: Any, after: Any, agreement: str) -> None:
    assert compare(before, after).agreement == agreement


def test_the_worst_figure_decides_also_one_on_all_of_the_originals_examples() -> None:
    before = graded(0.3, upstream_scores={"accuracy": 0.5})
    compared = compare(before, graded(0.3, upstream_scores={"accuracy": 0.6}))
    assert compared.agreement == "differs"
    assert [(one.metric, one.agreement) for one in compared.figures] == [
        ("accuracy", "equal"),
        ("accuracy on all of the original's examples", "differs"),
    ]


def test_a_figure_that_only_one_of_them_has_differs() -> None:
    assert compare(graded(0.3, upstream_scores={"accuracy": 0.5}), graded(0.3)).agreement == "differs"


@pytest.mark.parametrize(
    ("code", "agreement"), [("late", "equal"), ("raised", "differs")], ids=["the same fault", "another fault"]
)
def test_faults_agree_by_their_codes(code: str, agreement: str) -> None:
    before, after = score("submission_fault", fault_code="late"), score("submission_fault", fault_code=code)
    assert compare(before, after).agreement == agreement


def test_a_score_and_a_fault_differ() -> None:
    assert compare(score(scores={}), score("submission_fault")).agreement == "differs"


def test_what_scores_depend_on_and_has_changed_is_told() -> None:
    changed = compare(score(), score(task_hash="t2", grader_hash="g2", secret_hash="s2", environment="e2")).changed
    assert changed == ("the task's folder", "its grader", "the data folder's secret", "the environment")
    assert compare(score(), score(seconds=9.0)).changed == ()
