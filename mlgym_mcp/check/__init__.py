"""What `tasks check` runs: a look at a task's folder, and then the task for real."""

from mlgym_mcp.check.finding import Finding
from mlgym_mcp.check.lint import lint
from mlgym_mcp.check.trial import Trial, open_trial

__all__ = ["Finding", "Trial", "lint", "open_trial"]
