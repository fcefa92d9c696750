"""How sessions end, and what is raised."""

import inspect

from mlgym_mcp import errors as module
from mlgym_mcp.sessions import exit_status

from reference.markdown import code, table


def statuses() -> str:
    """The exit statuses of sessions that were cut off, by cause."""
    rows = [
        (code(cause), code(there), code(exit_status.cut_off(cause, has_artefact=False)), code(exit_status.faulty(there)))
        for cause in exit_status.WHY
        for there in [exit_status.cut_off(cause, has_artefact=True)]
    ]
    return table(("cause", "with something to submit", "without", "what was submitted is at fault"), rows)


def errors() -> str:
    """Every error, and when it is raised."""
    found = [one for one in vars(module).values() if inspect.isclass(one) and issubclass(one, module.MLGymError)]
    return table(
        ("error", "a kind of", ""),
        [(code(one.__name__), code(one.__base__.__name__), inspect.getdoc(one) or "") for one in found],
    )
