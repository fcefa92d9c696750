"""The pages of the viewer, in the order of its navigation."""

from mlgym_mcp.viewer.page import Page
from mlgym_mcp.viewer.sessions_page import sessions

PAGES = (Page("/", sessions, "Sessions"),)
