"""The pages of the viewer, in the order of its navigation."""

from mlgym_mcp.viewer.page import Page
from mlgym_mcp.viewer.session_page import event, export, session
from mlgym_mcp.viewer.sessions_page import sessions

PAGES = (
    Page("/", sessions, "Sessions"),
    Page("/sessions/{session}", session),
    Page("/sessions/{session}/events/{number}", event),
    Page("/sessions/{session}/export.json", export),
)
