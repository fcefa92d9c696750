"""Which errors a caller may read, and where the rest goes."""

import pytest
from structlog.testing import capture_logs

from mlgym_mcp.errors import BudgetSpent, DataMissing, SandboxGone
from mlgym_mcp.tools.reply import told


@pytest.mark.parametrize("error", [BudgetSpent("no step is left"), DataMissing("run: mlgym-mcp data prepare")])
def test_what_somebody_can_mend_is_told_as_written(error: Exception) -> None:
    assert told(error) == str(error)


@pytest.mark.parametrize("error", [SandboxGone("/srv/data"), OSError("/srv/data"), KeyError("/srv/data")])
def test_anything_else_is_told_by_a_reference_under_which_the_log_has_it(error: Exception) -> None:
    with capture_logs() as logs:
        text = told(error)
    assert "/srv/data" not in text
    assert logs[0]["reference"] in text
    assert logs[0]["exc_info"] is error
