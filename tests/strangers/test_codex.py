"""Codex, whose model is a script, attempts a task with our tools as its only hands."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.strangers.agents import Ended, new_user
from tests.strangers.attempt import ATTEMPT, assert_attempted, pinned_address, pinned_command
from tests.strangers.codex import configure, play
from tests.strangers.models.endpoint import scripted
from tests.strangers.models.responses import RESPONSES

pytestmark = pytest.mark.strangers

BESIDES = {"list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"}
"""What no setting takes away: they read what our server shows, and it has no other."""


def entry(server: dict[str, Any]) -> str:
    values = {**server, "required": True}  # or its first request goes out without a server that is not ready yet
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if name != "env"]
    lines += [f"env.{name} = {json.dumps(value)}" for name, value in values.get("env", {}).items()]
    return "\n".join(["[mcp_servers.mlgym]", *lines])


def assert_finished(ended: Ended) -> None:
    assert ended.status == 0, ended
    events = [json.loads(line) for line in ended.output.splitlines()]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    calls = [(item["tool"], item["status"]) for item in items if item["type"] == "mcp_tool_call"]
    assert calls == [(call.tool, "completed") for call in ATTEMPT.calls], ended
    assert [item["text"] for item in items if item["type"] == "agent_message"] == [ATTEMPT.last], ended
    assert events[-1]["type"] == "turn.completed", ended


async def test_it_attempts_a_task_on_a_server_that_it_starts(tmp_path: Path, cache_dir: Path) -> None:
    async with new_user(tmp_path) as user, scripted(RESPONSES, ATTEMPT) as model:
        await configure(user, model, entry(pinned_command(tmp_path, cache_dir)), name="gpt-6-sol")
        ended = await play(user)
    assert_finished(ended)
    assert_attempted(model, tmp_path, besides=BESIDES)
    assert user.outside.wanted == []


async def test_it_attempts_a_task_in_the_session_that_its_address_names(tmp_path: Path, cache_dir: Path) -> None:
    async with new_user(tmp_path) as user, scripted(RESPONSES, ATTEMPT) as model:
        async with pinned_address(tmp_path, cache_dir) as server:
            await configure(user, model, entry(server), name="gpt-5.5")
            ended = await play(user)
    assert_finished(ended)
    assert_attempted(model, tmp_path, besides=BESIDES)
    assert user.outside.wanted == []
