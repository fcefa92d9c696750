"""Whether a second grading of an artefact bears out the first."""

import math
from dataclasses import dataclass
from typing import Literal

from mlgym_mcp.scoring.score import Score
from mlgym_mcp.tasks.measures import Scores

Agreement = Literal["equal", "within three standard errors", "differs"]

ORDER: tuple[Agreement, ...] = ("equal", "within three standard errors", "differs")
TOLERANCE = 1e-9
"""Share of a value by which sums may differ that another machine has added up."""
ERRORS = 3.0
"""Standard errors of the difference between two gradings."""
CIRCUMSTANCES = {
    "task_hash": "the task's folder",
    "grader_hash": "its grader",
    "secret_hash": "the data folder's secret",
    "environment": "the environment",
    "backend": "the backend",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of both gradings; None where one of them lacks it."""

    metric: str
    before: float | None
    after: float | None
    standard_error: float | None
    """Of the difference; None for a metric without one."""

    @property
    def agreement(self) -> Agreement:
        """How well the two agree."""
        if self.before is None or self.after is None:
            return "differs"
        if math.isclose(self.before, self.after, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return "equal"
        bound = ERRORS * (self.standard_error or 0.0)
        return "within three standard errors" if abs(self.after - self.before) <= bound else "differs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two gradings of one artefact, side by side."""

    agreement: Agreement
    figures: tuple[Figure, ...]
    changed: tuple[str, ...]
    """What scores depend on and is not as it was."""


def compare(before: Score, after: Score) -> Comparison:
    """Hold a grading against an earlier one of the same artefact."""
    ranked = _figures(before.scores, after.scores, before.standard_error, after.standard_error)
    upstream = _figures(
        before.upstream_scores or {},
        after.upstream_scores or {},
        before.upstream_standard_error or {},
        after.upstream_standard_error or {},
        place=" on all of the original's examples",
    )
    figures = (*ranked, *upstream)
    same = (before.outcome, before.fault_code) == (after.outcome, after.fault_code)
    agreements: list[Agreement] = [figure.agreement for figure in figures]
    return Comparison(
        agreement=max(agreements, key=ORDER.index, default="equal") if same else "differs",
        figures=figures,
        changed=tuple(noun for field, noun in CIRCUMSTANCES.items() if getattr(before, field) != getattr(after, field)),
    )


def _figures(before: Scores, after: Scores, *errors: Scores, place: str = "") -> list[Figure]:
    return [
        Figure(name + place, before.get(name), after.get(name), _error_of_difference(name, *errors))
        for name in dict.fromkeys([*before, *after])
    ]


def _error_of_difference(name: str, *errors: Scores) -> float | None:
    known = [error[name] for error in errors if name in error]
    return math.hypot(*known) if known else None
