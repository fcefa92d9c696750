"""How a session ended, in MLGym's words, which exports keep."""

from typing import Literal, get_args

from mlgym_mcp.sessions.budget import SpentCause

HarnessCause = Literal["exit_context", "exit_cost", "exit_error", "exit_format", "exit_api", "max_steps", "submit"]
"""Why a harness ends a session for its agent."""
CutOffCause = SpentCause | Literal["idle"] | HarnessCause

WHY: dict[CutOffCause, str] = {
    "steps": "max_steps",
    "wall_time": "exit_cost",
    "idle": "exit_error",
    **{cause: cause for cause in get_args(HarnessCause)},
}
"""MLGym knows a limit of steps and one of cost; time is our cost."""

SUBMITTED = "submitted"
FAULTY = "evaluation_format_error (submit)"
FORFEITED = "exit_forfeit"
DIED = "early_exit"

_AUTOMATIC = "autosubmission"
_ABSENT = "submission_not_found"
_FAULTY = "evaluation_format_error"


def cut_off(cause: CutOffCause, *, has_artefact: bool) -> str:
    """The exit status of a session that was cut off, whether with something to submit or without."""
    return f"{_AUTOMATIC if has_artefact else _ABSENT} ({WHY[cause]})"


def faulty(status: str) -> str:
    """The exit status of a session that was cut off, once what was submitted turns out not to be scorable."""
    return status.replace(_AUTOMATIC, _FAULTY)
