"""How sessions end, and what is raised."""

import inspect

from mlgym_mcp import errors as module
from mlgym_mcp.sessions import exit_status
from reference.markdown import code, table


def statuses() -> str:
    """The exit statuses of sessions that were cut off, by cause."""
    rows = []
    for cause in exit_status.WHY:
        submitted, nothing = (exit_status.cut_off(cause, has_artefact=there) for there in (True, False))
        rows.append(tuple(map(code, (cause, submitted, exit_status.faulty(submitted), nothing))))
    return table(("cause", "something was submitted", "which is at fault", "nothing was there"), rows)


def errors() -> str:
    """Every error, and when it is raised."""
    found = [one for one in vars(module).values() if inspect.isclass(one) and issubclass(one, module.MLGymError)]
    return table(
        ("error", "a kind of", ""),
        [(code(one.__name__), code(one.__mro__[1].__name__), inspect.getdoc(one) or "") for one in found],
    )
