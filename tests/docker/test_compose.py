"""The compose file names what a server in a container needs."""

from pathlib import Path
from typing import Any

import yaml

from mlgym_mcp.settings import Settings

DOCKER = Path(__file__).parents[2] / "docker"
HOME = "${MLGYM_MCP_HOME:-/srv/mlgym-mcp}"


def server() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["server"]
    return service


def test_the_folders_of_sandboxes_have_the_same_path_inside_and_out() -> None:
    environment = server()["environment"]
    assert f"{HOME}:{HOME}" in server()["volumes"]
    assert environment["MLGYM_MCP_DATA_DIR"].startswith(f"{HOME}/")
    assert environment["MLGYM_MCP_CACHE_DIR"].startswith(f"{HOME}/")


def test_nobody_starts_it_without_a_token_or_reaches_it_from_elsewhere_unasked() -> None:
    assert server()["environment"]["MLGYM_MCP_TOKEN"].startswith("${MLGYM_MCP_TOKEN:?")
    assert server()["ports"] == ["${MLGYM_MCP_ADDRESS:-127.0.0.1:8765}:8765"]


def test_the_engine_asks_whether_it_is_ready_and_waits_longer_than_it_drains() -> None:
    assert "/readyz" in server()["healthcheck"]["test"][-1]
    assert int(server()["stop_grace_period"].removesuffix("s")) > Settings.model_fields["drain_s"].default


def test_its_recipe_is_there_and_is_given_all_that_it_copies() -> None:
    build = server()["build"]
    recipe = DOCKER / build["context"] / build["dockerfile"]
    ignored = (DOCKER / build["context"] / ".dockerignore").read_text().splitlines()
    assert "COPY . /source/" in recipe.read_text()
    assert {"!mlgym_mcp", "!sandbox", "!tasks", "!docker", "!pyproject.toml"} <= set(ignored)
