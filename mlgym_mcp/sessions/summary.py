"""Sentences about sessions that are over."""

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.store import SessionRow
from mlgym_mcp.tasks.measures import Scores

BEING_SCORED = "The submission of this session is being scored; call `submit` to collect the score."

HAPPENED = {
    "submitted": "has been submitted",
    "cut_off": "was cut off",
    "ended": "was ended",
    "lost": "was lost",
}


def closed_text(row: SessionRow, score: Score | None) -> str:
    """Why a session takes no more calls, and what it came to."""
    reason = f" ({row.reason})" if row.reason else ""
    result = f" {score_text(score)}" if score else ""
    return f"This session {HAPPENED[row.state]}{reason}.{result}"


def score_text(score: Score) -> str:
    """A score in one sentence, as far as anybody may read it after a submit."""
    if score.outcome == "submission_fault":
        return f"The submission could not be scored: {score.fault_code}. Reward {score.reward}."
    if score.outcome == "infrastructure_fault":
        return "The submission could not be scored yet, through no fault of its own."
    reward = "" if score.reward is None else f" Reward {score.reward:+.4f}."
    return f"Score: {', '.join(figures(score.scores, score.standard_error, score.baseline))}.{reward}"


def figures(values: Scores, errors: Scores, baseline: Scores) -> list[str]:
    """Each metric's value, with its standard error and the baseline's value where there are such."""
    return [_figure(name, value, errors.get(name), baseline.get(name)) for name, value in values.items()]


def _figure(name: str, value: float, error: float | None, baseline: float | None) -> str:
    uncertain = "" if error is None else f" ± {error:.2g}"
    beside = "" if baseline is None else f" (baseline {baseline:.6g})"
    return f"{name} {value:.6g}{uncertain}{beside}"
