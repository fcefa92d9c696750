"""The first page: the sessions, running ones first."""

from mlgym_mcp.viewer.page import Content
from mlgym_mcp.viewer.visit import Visit


def sessions(visit: Visit) -> Content:
    """The sessions that the visitor may see."""
    rows = [row for row in visit.records.sessions.list() if visit.sees(row)]
    return Content("sessions.html.j2", "Sessions", {"rows": rows})
