"""A session's course in the client's own window, where that shows MCP Apps; elsewhere the tools' text says all."""

from functools import cache
from importlib.resources import files

from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.mcpserver.resources import FunctionResource

URI = "ui://mlgym-mcp/session.html"
SHOWN_BY = {"ui": {"resourceUri": URI}}
"""What says of a tool that its answers are shown so."""
SCRIPTS = ("host.js", "chart.js", "view.js", "main.js")


@cache
def page() -> str:
    """The page: one document that asks for nothing else."""
    scripts = "\n".join(map(_part, SCRIPTS))
    return _part("page.html").replace("/* page.css */\n", _part("page.css")).replace("/* scripts */\n", scripts)


def session_app() -> Apps:
    """The extension that has the page."""
    apps = Apps()
    apps.add_resource(
        FunctionResource(
            uri=URI,
            name="session",
            title="A session's course",
            description="Score over steps, budget and jobs of a session, for hosts that show MCP Apps.",
            mime_type=APP_MIME_TYPE,
            meta={"ui": {"prefersBorder": True}},
            fn=page,
        )
    )
    return apps


def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
