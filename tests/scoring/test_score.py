"""A score is a frozen record that goes through JSON unchanged."""

import pytest
from pydantic import ValidationError

from mlgym_mcp.scoring.score import Score

SCORE = Score(
    task="toy-v1",
    task_hash="a",
    phase="submit",
    protocol="strict",
    flavour="full",
    outcome="scored",
    scores={"accuracy": 0.9},
    standard_error={"accuracy": 0.01},
    baseline={"accuracy": 0.8},
    reward=0.5,
    upstream_scores={"accuracy": 0.91},
    artefact="b",
    grader_hash="c",
    secret_hash="d",
    environment="e",
    backend="fake",
    network="none",
    seconds=1.5,
)


def test_a_score_goes_through_json_unchanged() -> None:
    assert Score.model_validate_json(SCORE.model_dump_json()) == SCORE


def test_a_score_can_not_be_changed() -> None:
    with pytest.raises(ValidationError):
        SCORE.reward = 1.0


def test_a_score_is_finite() -> None:
    with pytest.raises(ValidationError):
        Score.model_validate({**SCORE.model_dump(), "scores": {"accuracy": float("nan")}})
