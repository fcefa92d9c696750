"""How a session ended, in MLGym's words, which exports keep."""

from typing import Literal

from mlgym_mcp.sessions.budget import SpentCause

CutOffCause = SpentCause | Literal["idle"]

WHY: dict[CutOffCause, str] = {"steps": "max_steps", "wall_time": "exit_cost", "idle": "exit_error"}
"""MLGym knows a limit of steps and one of cost; time is our cost."""

SUBMITTED = "submitted"
FAULTY = "evaluation_format_error (submit)"
FORFEITED = "exit_forfeit"
DIED = "early_exit"


def cut_off(cause: CutOffCause, *, has_artefact: bool) -> str:
    """The exit status of a session that was cut off, whether with something to submit or without."""
    return f"{'autosubmission' if has_artefact else 'submission_not_found'} ({WHY[cause]})"
