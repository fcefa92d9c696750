"""MCP Inspector, a client that others wrote, finds all that the server offers, and works in a session."""

from pathlib import Path
from typing import Any

import pytest

from tests.strangers.inspector import REVISIONS, Transport, inspecting

pytestmark = pytest.mark.strangers

SEXES = "battle-of-the-sexes-v1"
TASK = f"mlgym://tasks/{SEXES}"
TOOLS = ["list_tasks", "start", "bash", "edit", "job", "validate", "submit", "status", "end", "read"]
REQUESTS = {
    "server": ("initialize",),
    "tools": ("tools/list", "--strict"),
    "resources": ("resources/list",),
    "templates": ("resources/templates/list",),
    "catalogue": ("resources/read", "--uri", "mlgym://tasks"),
    "task": ("resources/read", "--uri", TASK),
    "prompts": ("prompts/list",),
    "prompt": ("prompts/get", "--prompt-name", "attempt", "--prompt-args", f"task={SEXES}"),
    "listed": ("tools/call", "--tool-name", "list_tasks"),
}


def text(result: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in result["content"])


@pytest.mark.parametrize(("era", "transport"), [("modern", "stdio"), ("legacy", "http")])
async def test_inspector_finds_all_that_the_server_offers(
    tmp_path: Path, cache_dir: Path, transport: Transport, era: str
) -> None:
    async with inspecting(tmp_path, cache_dir, transport, era) as inspector:
        found = await inspector.ask_all(REQUESTS)
        windows = await inspector.windows() if era == "modern" else {}
    assert found["server"]["serverInfo"]["name"] == "mlgym-mcp"
    assert found["server"]["protocolVersion"] == REVISIONS[era]
    assert found["server"]["capabilities"]["resources"]["subscribe"] is True
    assert [tool["name"] for tool in found["tools"]["tools"]] == TOOLS
    assert {"mlgym://tasks", TASK} <= {resource["uri"] for resource in found["resources"]["resources"]}
    assert "mlgym://tasks/{id}" in {template["uriTemplate"] for template in found["templates"]["resourceTemplates"]}
    assert SEXES in found["catalogue"]["contents"][0]["text"]
    assert "strategy.py" in found["task"]["contents"][0]["text"]
    assert [prompt["name"] for prompt in found["prompts"]["prompts"]] == ["attempt"]
    assert SEXES in found["prompt"]["messages"][0]["content"]["text"]
    assert SEXES in text(found["listed"])
    assert set(windows) == ({"validate", "submit", "status"} if era == "modern" else set())


@pytest.mark.parametrize(("era", "transport"), [("legacy", "stdio"), ("modern", "http")])
async def test_inspector_works_in_a_session_connecting_anew_for_each_call(
    tmp_path: Path, cache_dir: Path, transport: Transport, era: str
) -> None:
    async with inspecting(tmp_path, cache_dir, transport, era, task_after=0) as inspector:
        started = await inspector.call("start", task=SEXES, wait_s=45)
        session = started["structuredContent"]["session"]
        shown = await inspector.call("bash", session=session, command="ls; pwd")  # a task, in the newest revision
        stands = await inspector.call("status", session=session)
        ended = await inspector.call("end", session=session)
    assert text(shown).startswith("strategy.py\n/workspace\n[exit 0")
    assert stands["structuredContent"]["state"] == "open"
    assert stands["structuredContent"]["left"]["steps"] == 49
    assert ended["structuredContent"]["state"] == "ended"
