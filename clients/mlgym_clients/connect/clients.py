"""The clients that can be connected: where they keep their servers, and in which words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlgym_clients.connect.server import Address, CannotConnect, Command, Server

Platform = Literal["linux", "darwin", "win32"]
CALL = 120
"""Seconds that a client should wait for an answer; none takes half as long."""
APPLICATIONS: Mapping[str, str] = {"darwin": "Library/Application Support", "win32": "AppData/Roaming"}
"""Where applications keep what they know of a user; elsewhere in `.config`."""


@dataclass(frozen=True)
class Client:
    """A client."""

    title: str
    file: Callable[[str], str]
    """Its own, in the home folder, on a platform."""
    project: str | None
    """One that holds in a project alone, in its folder."""
    section: str
    """Under which its servers are."""
    entry: Callable[[Server], dict[str, Any]]
    then: str
    """What to do next."""

    def path(self, *, platform: str, home: Path, project: Path | None) -> Path:
        """The file of its servers.

        Raises:
            CannotConnect: it has none for projects.
        """
        if project is None:
            return home / self.file(platform)
        if self.project is None:
            raise CannotConnect(f"{self.title} has no configuration of a project's own; leave out --project.")
        return project / self.project


def _application(file: str) -> Callable[[str], str]:
    return lambda platform: f"{APPLICATIONS.get(platform, '.config')}/{file}"


def _home(file: str) -> Callable[[str], str]:
    return lambda platform: file


def _started(server: Command) -> dict[str, Any]:
    return {"command": server.program, "args": list(server.arguments)}


def _headers(server: Address, variable: str) -> dict[str, Any]:
    """The token, by the way in which a client names a variable."""
    return {"headers": {"Authorization": f"Bearer {variable.format(server.token)}"}} if server.token else {}


def _claude_desktop(server: Server) -> dict[str, Any]:
    if isinstance(server, Address):
        raise CannotConnect("Claude Desktop's file has no servers that run already; leave out --url.")
    return _started(server)


def _claude_code(server: Server) -> dict[str, Any]:
    wait = {"alwaysLoad": True}  # or it begins without a server that is not ready yet
    if isinstance(server, Command):
        return {"type": "stdio", **_started(server), **wait}
    return {"type": "http", "url": server.url, **_headers(server, "${{{}}}"), **wait}


def _codex(server: Server) -> dict[str, Any]:
    limits = {"required": True, "startup_timeout_sec": 30, "tool_timeout_sec": CALL}
    if isinstance(server, Command):
        return {**_started(server), **limits}
    return {"url": server.url, **({"bearer_token_env_var": server.token} if server.token else {}), **limits}


def _cursor(server: Server) -> dict[str, Any]:
    if isinstance(server, Command):
        return _started(server)
    return {"url": server.url, **_headers(server, "${{env:{}}}")}


def _vscode(server: Server) -> dict[str, Any]:
    if isinstance(server, Command):
        return {"type": "stdio", **_started(server)}
    return {"type": "http", "url": server.url, **_headers(server, "${{env:{}}}")}


def _gemini(server: Server) -> dict[str, Any]:
    limits = {"timeout": CALL * 1000}
    if isinstance(server, Command):
        return {**_started(server), **limits}
    return {"httpUrl": server.url, **_headers(server, "${}"), **limits}


CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client(
        title="Claude Desktop",
        file=_application("Claude/claude_desktop_config.json"),
        project=None,
        section="mcpServers",
        entry=_claude_desktop,
        then="Quit Claude Desktop and start it again.",
    ),
    "claude-code": Client(
        title="Claude Code",
        file=_home(".claude.json"),
        project=".mcp.json",
        section="mcpServers",
        entry=_claude_code,
        then="See it: claude mcp list",
    ),
    "codex": Client(
        title="Codex",
        file=_home(".codex/config.toml"),
        project=".codex/config.toml",
        section="mcp_servers",
        entry=_codex,
        then="See it: codex mcp list",
    ),
    "cursor": Client(
        title="Cursor",
        file=_home(".cursor/mcp.json"),
        project=".cursor/mcp.json",
        section="mcpServers",
        entry=_cursor,
        then="Start Cursor again, and see it in its settings under MCP.",
    ),
    "vscode": Client(
        title="VS Code",
        file=_application("Code/User/mcp.json"),
        project=".vscode/mcp.json",
        section="servers",
        entry=_vscode,
        then="See it: MCP: List Servers in the command palette",
    ),
    "gemini": Client(
        title="Gemini CLI",
        file=_home(".gemini/settings.json"),
        project=".gemini/settings.json",
        section="mcpServers",
        entry=_gemini,
        then="See it: gemini mcp list",
    ),
}
