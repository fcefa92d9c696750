"""The bundle that clients install by one click: the official tool takes it, and it starts what it says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from tests.strangers import node

pytestmark = pytest.mark.strangers
FOLDER = Path(__file__).parents[2] / "clients/mcpb"


def mcpb(*arguments: str | Path) -> str:
    command = [node.program("mcpb"), *map(str, arguments)]
    ended = subprocess.run(command, env=node.environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as a client has it."""
    folder = tmp_path_factory.mktemp("bundle")
    subprocess.run([sys.executable, FOLDER / "bundle.py", folder], check=True, capture_output=True)
    [made] = folder.glob("*.mcpb")
    mcpb("unpack", made, folder / "unpacked")
    return folder / "unpacked"


def test_the_official_tool_validates_and_packs_it(unpacked: Path) -> None:
    assert "passes" in mcpb("validate", unpacked)
    assert "total files: 4" in mcpb("pack", unpacked, unpacked.with_name("again.mcpb"))


async def test_its_list_of_tools_is_the_servers(tmp_path: Path) -> None:
    named = {tool["name"] for tool in json.loads((FOLDER / "manifest.json").read_text())["tools"]}
    async with open_server(Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")) as server:
        async with Client(server) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == named


@pytest.mark.exhaustive
@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
async def test_it_starts_by_uv_and_offers_its_tools(unpacked: Path, tmp_path: Path) -> None:
    """As a client does: with what its user chose in place of `${…}`; uv fetches what the server needs."""
    manifest = json.loads((unpacked / "manifest.json").read_text())
    given = {"__dirname": str(unpacked), "HOME": str(tmp_path)}
    given |= {f"user_config.{name}": filled(one["default"], given) for name, one in manifest["user_config"].items()}
    config = filled(manifest["server"]["mcp_config"], given)
    server = StdioServerParameters(command=config["command"], args=config["args"], env=dict(os.environ) | config["env"])
    async with Client(server) as client:
        assert len((await client.list_tools()).tools) == len(manifest["tools"])


def filled(part: Any, given: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: filled(value, given) for name, value in part.items()}
    if isinstance(part, list):
        return [filled(value, given) for value in part]
    for name, value in given.items():
        part = part.replace(f"${{{name}}}", value)
    return part
