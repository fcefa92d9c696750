"""Sentences about sessions that are over."""

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.store import SessionRow

BEING_SCORED = "The submission of this session is being scored; call `submit` to collect the score."

HAPPENED = {
    "submitted": "has been submitted",
    "cut_off": "was cut off",
    "ended": "was ended",
    "lost": "was lost",
}


def closed_text(row: SessionRow, score: Score | None) -> str:
    """Why a session takes no more calls, what it came to, and what to do next."""
    reason = f" ({row.reason})" if row.reason else ""
    result = f" {score_text(score)}" if score else ""
    return f"This session {HAPPENED[row.state]}{reason}.{result} `start` makes a new one."


def score_text(score: Score) -> str:
    """A score in one sentence, as far as anybody may read it after a submit."""
    if score.outcome == "submission_fault":
        return f"The submission could not be scored: {score.fault_code}. Reward {score.reward}."
    if score.outcome == "infrastructure_fault":
        return "The submission could not be scored yet, through no fault of its own."
    values = ", ".join(_metric(score, name) for name in score.scores)
    reward = "" if score.reward is None else f" Reward {score.reward:.3f}."
    return f"Score: {values}.{reward}"


def _metric(score: Score, name: str) -> str:
    error = f" ± {score.standard_error[name]:.4g}" if name in score.standard_error else ""
    baseline = f" (baseline {score.baseline[name]:.6g})" if name in score.baseline else ""
    return f"{name} {score.scores[name]:.6g}{error}{baseline}"
