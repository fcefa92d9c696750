"""Codex on a configuration that leaves its model no hands but an MCP server's."""

import json
from pathlib import Path
from typing import Any

from mlgym_clients.agents.programs.codex import PLAIN

from tests.strangers.agents import Ended, User
from tests.strangers.models.endpoint import Model

CONFIG = """\
model = "{model}"
model_provider = "scripted"
model_catalog_json = "{catalogue}"
web_search = "disabled"
analytics.enabled = false
agents.enabled = false
tools.experimental_request_user_input.enabled = false

[features]
shell_tool = false
view_image = false
goals = false
plugins = false

[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"
"""


def folder_of(user: User) -> Path:
    """Where Codex keeps its configuration and all else."""
    return user.home / ".codex"


async def known(user: User, name: str) -> dict[str, Any]:
    """What Codex itself knows of a model."""
    told = await user.run("codex", "debug", "models")
    assert told.status == 0, told
    (found,) = [entry for entry in json.loads(told.output)["models"] if entry["slug"] == name]
    return {**found}


async def configure(user: User, model: Model, servers: str, *, name: str) -> None:
    """Write its configuration: MCP servers as given, and a scripted model that goes by the `name` of a real one."""
    home = folder_of(user)
    home.mkdir()
    catalogue = {"models": [{**await known(user, name), **PLAIN}]}
    (home / "models.json").write_text(json.dumps(catalogue), encoding="utf-8")
    config = CONFIG.format(model=name, url=model.url, catalogue=home / "models.json")
    (home / "config.toml").write_text(f"{config}\n{servers}", encoding="utf-8")


async def play(user: User) -> Ended:
    """Let it work at a prompt until its model has nothing more to call."""
    return await user.run("codex", "exec", "--strict-config", "--skip-git-repo-check", "--json", "Do the task.")
