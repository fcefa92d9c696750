"""Claude Code, whose model is a script, attempts a task with our tools as its only hands."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.strangers import claude_code
from tests.strangers.agents import Ended, User, new_user
from tests.strangers.attempt import ATTEMPT, assert_attempted, pinned_address, pinned_command
from tests.strangers.models.endpoint import Model, scripted
from tests.strangers.models.messages import MESSAGES

pytestmark = pytest.mark.strangers

ONLY_OURS = ("--strict-mcp-config", "--tools", "", "--allowedTools", "mcp__mlgym")


async def play(user: User, model: Model, server: dict[str, Any]) -> Ended:
    config = user.home / "mcp.json"
    entry = {**server, "alwaysLoad": True}  # or its first request goes out without a server that is not ready yet
    config.write_text(json.dumps({"mcpServers": {"mlgym": entry}}), encoding="utf-8")
    command = ("claude", "-p", "Do the task.", "--mcp-config", str(config), *ONLY_OURS, "--output-format", "json")
    return await user.run(*command, **claude_code.variables(model))


def assert_finished(ended: Ended) -> None:
    assert ended.status == 0, ended
    told = json.loads(ended.output)
    assert (told["subtype"], told["is_error"], told["permission_denials"]) == ("success", False, []), ended
    assert (told["result"], told["num_turns"]) == (ATTEMPT.last, len(ATTEMPT.calls) + 1), ended


async def test_it_attempts_a_task_on_a_server_that_it_starts(tmp_path: Path, cache_dir: Path) -> None:
    async with new_user(tmp_path) as user, scripted(MESSAGES, ATTEMPT) as model:
        ended = await play(user, model, {"type": "stdio", **pinned_command(tmp_path, cache_dir)})
    assert_finished(ended)
    assert_attempted(model, tmp_path)
    assert user.outside.wanted == []


async def test_it_attempts_a_task_in_the_session_that_its_address_names(tmp_path: Path, cache_dir: Path) -> None:
    async with new_user(tmp_path) as user, scripted(MESSAGES, ATTEMPT) as model:
        async with pinned_address(tmp_path, cache_dir) as server:
            ended = await play(user, model, {"type": "http", **server})
    assert_finished(ended)
    assert_attempted(model, tmp_path)
    assert user.outside.wanted == []
