"""The pages of the viewer, in the order of its navigation."""

from mlgym_mcp.viewer.boards_pages import leaderboard, leaderboard_csv, leaderboard_json, leaderboards
from mlgym_mcp.viewer.compare_page import compare
from mlgym_mcp.viewer.page import Page
from mlgym_mcp.viewer.session_page import event, export, session
from mlgym_mcp.viewer.sessions_page import sessions
from mlgym_mcp.viewer.tasks_pages import task, tasks

PAGES = (
    Page("/", sessions, "Sessions"),
    Page("/sessions/{session}", session),
    Page("/sessions/{session}/events/{number}", event),
    Page("/sessions/{session}/export.json", export),
    Page("/compare", compare),
    Page("/tasks", tasks, "Tasks", scope="read"),
    Page("/tasks/{task}", task, scope="read"),
    Page("/leaderboards", leaderboards, "Leaderboards", scope="read", for_one_session=False),
    Page("/leaderboards/{task}", leaderboard, scope="read", for_one_session=False),
    Page("/leaderboards/{task}/csv", leaderboard_csv, scope="read", for_one_session=False),
    Page("/leaderboards/{task}/json", leaderboard_json, scope="read", for_one_session=False),
)
