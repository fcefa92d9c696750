"""Our server put among a client's own, with everything else left as it is."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from mlgym_clients.connect.clients import CLIENTS
from mlgym_clients.connect.connecting import Connection, connection
from mlgym_clients.connect.server import Address, CannotConnect, Command, Server

COMMAND = Command("/opt/mlgym-mcp", ("serve",))
ADDRESS = Address("http://127.0.0.1:8765/mcp", "TOKEN")
OTHERS_JSON = """{
\t"theme": "dark",
\t"SECTION": {"other": {"command": "other", "args": ["ü"]}}
}
"""
OTHERS_TOML = """\
# Mine.
model = "m" # the best

[mcp_servers.other]
command = "other"  # kept
"""


def made(client: str, home: Path, server: Server = COMMAND, platform: str = "linux") -> Connection:
    return connection(CLIENTS[client], server, platform=platform, home=home, project=None)


def with_others(client: str, home: Path) -> Path:
    """A user's configuration with another server."""
    path = made(client, home).document.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OTHERS_TOML if client == "codex" else OTHERS_JSON.replace("SECTION", CLIENTS[client].section))
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("client", CLIENTS)
def test_it_stands_beside_the_users_own_servers_and_is_written_once(tmp_path: Path, client: str) -> None:
    path = with_others(client, tmp_path)
    before = path.read_text()
    assert made(client, tmp_path).write().startswith("Added 'mlgym' in")
    after = path.read_text()
    if client == "codex":
        assert after.startswith(before)
    else:
        section = CLIENTS[client].section
        assert {**json.loads(after), section: None} == {**json.loads(before), section: None}
        assert json.loads(after)[section]["other"] == json.loads(before)[section]["other"]
        assert after.startswith('{\n\t"theme"')
    (kept,) = path.parent.glob("*.bak")
    assert (kept.read_text(), stat.S_IMODE(path.stat().st_mode)) == (before, 0o640)
    assert made(client, tmp_path).write().endswith("nothing was changed.")
    assert path.read_text() == after
    assert sorted(path.parent.glob(f"*{path.name}*")) == sorted([path, kept])


@pytest.mark.parametrize("client", CLIENTS)
def test_another_server_of_its_name_is_replaced_only_by_force(tmp_path: Path, client: str) -> None:
    made(client, tmp_path, Command("/old/mlgym-mcp", ("serve",))).write()
    path = made(client, tmp_path).document.path
    with pytest.raises(CannotConnect, match="/old/mlgym-mcp"):
        made(client, tmp_path).write()
    assert "/opt" not in path.read_text()
    assert made(client, tmp_path).write(force=True).startswith("Replaced")
    assert "/old" not in path.read_text()


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("cursor", '{"mcpServers": {'),
        ("vscode", '{\n  // mine\n  "servers": {}\n}'),
        ("gemini", '{"mcpServers": []}'),
        ("cursor", "[]"),
        ("codex", "mcp_servers ="),
    ],
)
def test_a_file_that_is_broken_or_has_comments_in_json_is_left_alone(tmp_path: Path, client: str, text: str) -> None:
    path = with_others(client, tmp_path)
    path.write_text(text)
    with pytest.raises(CannotConnect, match="left as it is|left as it was"):
        made(client, tmp_path).write()
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("client", "entry"),
    [
        ("claude-code", {"type": "http", "url": ADDRESS.url, "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        ("cursor", {"url": ADDRESS.url, "headers": {"Authorization": "Bearer ${env:TOKEN}"}}),
        ("vscode", {"type": "http", "url": ADDRESS.url, "headers": {"Authorization": "Bearer ${env:TOKEN}"}}),
        ("gemini", {"httpUrl": ADDRESS.url, "headers": {"Authorization": "Bearer $TOKEN"}}),
        ("codex", {"url": ADDRESS.url, "bearer_token_env_var": "TOKEN"}),
    ],
)
def test_a_server_that_runs_already_is_named_with_the_variable_of_its_token(
    tmp_path: Path, client: str, entry: dict[str, Any]
) -> None:
    assert made(client, tmp_path, ADDRESS).entry.items() >= entry.items()


def test_a_client_that_can_not_be_connected_so_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotConnect, match="leave out --url"):
        made("claude-desktop", tmp_path, ADDRESS)
    with pytest.raises(CannotConnect, match="leave out --project"):
        connection(CLIENTS["claude-desktop"], COMMAND, platform="linux", home=tmp_path, project=tmp_path)


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("darwin", "Library/Application Support"), ("win32", "AppData/Roaming"), ("linux", ".config")],
)
def test_applications_keep_their_configurations_where_the_platform_has_them(platform: str, folder: str) -> None:
    home = Path("/home/me")
    assert made("vscode", home, platform=platform).document.path == home / folder / "Code/User/mcp.json"
    assert made("claude-desktop", home, platform=platform).document.path.parent == home / folder / "Claude"
