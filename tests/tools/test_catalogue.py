"""`list_tasks`, `read` and the resources behind it, and what is said of each tool."""

import base64
import json
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import BlobResourceContents, ImageContent, PromptReference, TextContent, TextResourceContents

from mlgym_mcp import assets
from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from tests.fakes import DOCUMENT, TASK, World, write_task
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, text_of, told

TOOLS = ["list_tasks", "start", "bash", "edit", "job", "validate", "submit", "status", "end", "read"]
CLIENTS_CUT_AT = 2048
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
JPEG = b"\xff\xd8\xff\xe0" + bytes(16)


@pytest.mark.parametrize("era", ERAS)
async def test_all_tools_are_listed_with_true_annotations_and_short_descriptions(tmp_path: Path, era: Era) -> None:
    async with connected(World(tmp_path), era=era) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == TOOLS
        for tool in tools:
            assert tool.title
            assert tool.description and len(tool.description.encode()) < CLIENTS_CUT_AT
            assert tool.annotations
            assert tool.annotations.destructive_hint is False
            assert tool.annotations.open_world_hint is False
        read_only = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
        assert read_only == {"list_tasks", "status", "read"}
        structured = {tool.name for tool in tools if tool.output_schema}
        assert structured == {"list_tasks", "start", "validate", "submit", "status", "end"}


@pytest.mark.parametrize(("network", "hint"), [("tasks", True), ("none", False)])
async def test_clients_are_told_that_commands_may_reach_hosts_where_they_may(
    tmp_path: Path, network: str, hint: bool
) -> None:
    resources = {**DOCUMENT["resources"], "network": {"allow": ["example.org"]}}
    write_task(tmp_path / "tasks", resources=resources)
    given = {"data_dir": tmp_path / "data", "network": network, "tasks_dirs": (tmp_path / "tasks",)}
    async with open_server(Settings.load(given, environ={})) as server:
        tools = {tool.name: tool.annotations for tool in await server.list_tools()}
    hints = {name for name, annotations in tools.items() if annotations and annotations.open_world_hint}
    assert hints == ({"bash", "job"} if hint else set())


def test_no_task_that_is_shipped_has_a_network() -> None:
    assert not any(task.resources.network.allow for task in Catalog([assets.folder("tasks")]).list())


async def test_listing_tools_and_tasks_makes_nothing(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        await client.list_tools()
        await client.list_resources()
        await told(client, "list_tasks")
        assert not (tmp_path / "data").exists()


async def test_instructions_fit_into_what_clients_keep(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        assert client.instructions and len(client.instructions.encode()) < CLIENTS_CUT_AT


async def test_list_tasks_shows_metric_baseline_and_target(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        result = await client.call_tool("list_tasks", {"domain": "toys"})
        [task] = facts_of(result)["tasks"]
        assert (task["id"], task["metric"], task["baseline"], task["target"]) == (TASK, "accuracy", 0.5, 1.0)
        assert "toy-v1: Toy (toys)" in text_of(result)
        assert "there are: " in await refused(client, "list_tasks", domain="cooking")


async def test_tasks_are_listed_as_resources_and_read_with_their_brief(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
        assert {"mlgym://tasks", f"mlgym://tasks/{TASK}", f"mlgym://leaderboard/{TASK}"} <= listed
        [content] = (await client.read_resource(f"mlgym://tasks/{TASK}")).contents
        assert isinstance(content, TextResourceContents)
        assert "Write answer.txt." in content.text
        assert "Write answer.txt." in await told(client, "read", uri=f"mlgym://tasks/{TASK}")


async def test_a_task_that_is_not_well_formed_is_passed_over_and_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_task(tmp_path / "tasks", id="broken-v1", title=None)
    async with connected(world) as client:
        result = await client.call_tool("list_tasks", {"domain": "toys"})
        assert [task["id"] for task in facts_of(result)["tasks"]] == [TASK]
        assert facts_of(result)["passed_over"] == ["broken-v1"] and "mend: broken-v1." in text_of(result)
        listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
        assert f"mlgym://tasks/{TASK}" in listed and "mlgym://tasks/broken-v1" not in listed
        assert json.loads(await told(client, "read", uri="mlgym://tasks"))["passed_over"] == ["broken-v1"]
        assert "title" in await refused(client, "start", task="broken-v1")


async def test_only_the_brief_and_the_starter_files_of_a_task_are_shown(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        files = f"mlgym://tasks/{TASK}/files"
        assert await told(client, "read", uri=f"{files}/starter/answer.txt") == "start"
        for path in ("grader.py", "task.yaml", "../toy-v1/grader.py", "starter/../grader.py"):
            await refused(client, "read", uri=f"{files}/{path}")


@pytest.mark.parametrize("era", ERAS)
async def test_a_starter_file_that_is_no_text_is_shown_as_an_image_or_refused(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    starter = tmp_path / "tasks" / TASK / "starter"
    for name, content in {"plot.png": PNG, "photo.jpg": JPEG, "weights.bin": b"\xff\x00\xfe"}.items():
        (starter / name).write_bytes(content)
    async with connected(world, era=era) as client:
        files = f"mlgym://tasks/{TASK}/files/starter"
        for name, content, mime_type in (("plot.png", PNG, "image/png"), ("photo.jpg", JPEG, "image/jpeg")):
            [shown] = (await client.call_tool("read", {"uri": f"{files}/{name}"})).content
            assert isinstance(shown, ImageContent)
            assert (shown.mime_type, base64.b64decode(shown.data)) == (mime_type, content)
            [read] = (await client.read_resource(f"{files}/{name}")).contents
            assert isinstance(read, BlobResourceContents)
            assert (read.mime_type, base64.b64decode(read.blob)) == (mime_type, content)
        assert "3 bytes of application/octet-stream" in await refused(client, "read", uri=f"{files}/weights.bin")
        [read] = (await client.read_resource(f"{files}/weights.bin")).contents
        assert read.mime_type == "application/octet-stream"


async def test_a_session_and_its_trajectory_are_read_with_the_handle(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = await start(client)
        await told(client, "bash", command="echo hello")
        assert json.loads(await told(client, "read", uri=f"mlgym://sessions/{session}"))["state"] == "open"
        trajectory = await told(client, "read", uri=f"mlgym://sessions/{session}/trajectory")
        events = [json.loads(line) for line in trajectory.splitlines()]
        assert events[-1]["kind"] == "bash"
        assert session not in trajectory


@pytest.mark.parametrize("uri", ["mlgym://tasks/no-such-v1", "mlgym://sessions/no-such-handle"])
async def test_what_there_is_not_is_refused_by_tool_and_by_protocol(tmp_path: Path, uri: str) -> None:
    async with connected(World(tmp_path)) as client:
        assert await refused(client, "read", uri=uri)
        with pytest.raises(MCPError):
            await client.read_resource(uri)


async def test_the_prompt_carries_the_brief_and_its_argument_is_completed(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        [message] = (await client.get_prompt("attempt", {"task": TASK})).messages
        assert isinstance(message.content, TextContent)
        assert "Write answer.txt." in message.content.text
        completed = await client.complete(PromptReference(name="attempt"), {"name": "task", "value": "to"})
        assert completed.completion.values == [TASK]
        with pytest.raises(MCPError, match="did you mean 'toy-v1'"):
            await client.get_prompt("attempt", {"task": "toi-v1"})


@pytest.mark.parametrize("era", ERAS)
async def test_a_prompt_that_there_is_not_or_lacks_an_argument_is_refused_with_what_there_is(
    tmp_path: Path, era: Era
) -> None:
    async with connected(World(tmp_path), era=era) as client:
        with pytest.raises(MCPError, match="no prompt 'attmept'; there are: attempt"):
            await client.get_prompt("attmept", {"task": TASK})
        with pytest.raises(MCPError, match="'attempt' needs task"):
            await client.get_prompt("attempt", {})


async def test_a_trajectory_too_long_to_read_says_what_it_leaves_out(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        session = facts_of(await client.call_tool("start", {"task": TASK}))["session"]
        for number in range(3):
            edit = {"command": "create", "path": f"{number}.txt", "file_text": "x" * 3_000_000}
            assert not (await client.call_tool("edit", {"session": session, **edit})).is_error
        [content] = (await client.read_resource(f"mlgym://sessions/{session}/trajectory")).contents
    assert isinstance(content, TextResourceContents)
    lines = [json.loads(line) for line in content.text.splitlines()]
    assert [line.get("kind") for line in lines] == ["edit", "edit", None]
    assert lines[-1]["left_out"] == 1 and "sessions export" in lines[-1]["all_of_it"]
