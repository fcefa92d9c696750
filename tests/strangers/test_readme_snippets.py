"""What README.md tells users of agents to write down or to run works as it stands there."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.processes import REPOSITORY, announced
from tests.strangers import claude_code
from tests.strangers.agents import LIMIT, User, new_user
from tests.strangers.attempt import TASK
from tests.strangers.codex import configure, play
from tests.strangers.models.endpoint import scripted
from tests.strangers.models.messages import MESSAGES
from tests.strangers.models.responses import RESPONSES
from tests.strangers.models.script import Script, call

pytestmark = pytest.mark.strangers

README = REPOSITORY / "README.md"
ADDRESS = "http://127.0.0.1:8765"
LISTING = Script([call("list_tasks")], last="These are the tasks.")


def blocks(heading: str, language: str) -> list[str]:
    """The fenced blocks in a language below a heading of the README."""
    sections = re.split(r"^#{2,3} (.+)\n", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = sections[sections.index(heading) + 1]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)


@asynccontextmanager
async def serving(user: User, command: str) -> AsyncIterator[str]:
    """The address of a server that a command of the README starts, on any port that is free."""
    env = user.variables | {"MLGYM_MCP_PORT": "0"}
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(shlex.split(command), env=env, stdout=None, cwd=user.project) as process:
            try:
                yield await announced(process)
            finally:
                with suppress(ProcessLookupError):
                    process.terminate()


async def run(user: User, script: str, **variables: str) -> str:
    """What the commands of a block print; one that fails fails the test."""
    ended = await user.run("sh", "-euc", script, **variables)
    assert ended.status == 0, ended
    return ended.output


async def test_clients_list_the_server_that_was_written_into_their_configurations(tmp_path: Path) -> None:
    (connect,) = blocks("Connect an agent", "sh")
    async with new_user(tmp_path) as user:
        await run(user, connect)
        for listing in ("claude mcp list", "gemini mcp list 2>&1"):
            listed = await run(user, listing, GEMINI_CLI_TRUST_WORKSPACE="true")
            assert re.search("mlgym: .*mlgym-mcp serve .*Connected$", listed, re.MULTILINE), listed
        assert re.search("^mlgym .*mlgym-mcp +serve .*enabled", await run(user, "codex mcp list"), re.MULTILINE)


async def test_claude_desktop_can_start_the_server_of_its_configuration(tmp_path: Path) -> None:
    async with new_user(tmp_path) as user:
        await run(user, "mlgym-mcp connect claude-desktop --write")
        config = json.loads((user.home / ".config/Claude/claude_desktop_config.json").read_text(encoding="utf-8"))
        with anyio.fail_after(LIMIT):
            server = StdioServerParameters(**config["mcpServers"]["mlgym"], env=user.variables)
            async with Client(server, mode="legacy") as client:
                assert "start" in {tool.name for tool in (await client.list_tools()).tools}


async def test_claude_code_works_in_a_project_with_no_other_hands(tmp_path: Path) -> None:
    (commands,) = blocks("With no other hands", "sh")
    async with new_user(tmp_path) as user, scripted(MESSAGES, LISTING) as model:
        assert LISTING.last in await run(user, commands, **claude_code.variables(model))
    assert all(name.startswith("mcp__mlgym__") for request in model.requests for name in request.offered)
    assert TASK in model.asked[-1].results[0]


async def test_codex_works_with_the_server_beside_the_rest_of_its_configuration(tmp_path: Path) -> None:
    async with new_user(tmp_path) as user, scripted(RESPONSES, LISTING) as model:
        await configure(user, model, "", name="gpt-6-sol")
        await run(user, "mlgym-mcp connect codex --write")
        ended = await play(user)
    assert ended.status == 0, ended
    assert TASK in model.asked[-1].results[0]


async def test_agents_connect_to_a_server_that_runs_already(tmp_path: Path) -> None:
    serve, connect, _ = blocks("Over HTTP", "sh")
    async with new_user(tmp_path) as user, serving(user, serve) as url:
        await run(user, connect.replace(ADDRESS, url))
        listed = await run(user, "claude mcp list")
        assert re.search(rf"^mlgym: {url}/mcp .*Connected$", listed, re.MULTILINE), listed
        assert f"{url}/mcp" in await run(user, "codex mcp list")


async def test_a_shell_needs_nothing_but_curl(tmp_path: Path) -> None:
    serve, _, ask = blocks("Over HTTP", "sh")
    async with new_user(tmp_path) as user, serving(user, serve) as url:
        answers = [json.loads(line) for line in (await run(user, ask.replace(ADDRESS, url))).splitlines()]
    tools, tasks = (answer["result"] for answer in answers)
    assert "start" in {tool["name"] for tool in tools["tools"]}
    assert TASK in {task["id"] for task in tasks["structuredContent"]["tasks"]}
