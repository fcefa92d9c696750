"""Checkpoints: a session's files and exports, gone back to or gone on from elsewhere; over real sandboxes and MCP."""

from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client

from mlgym_mcp.server import open_server
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import AuditLog
from tests.gateway import BACKENDS, Gateway, open_gateway, text

GAME = "battle-of-the-sexes-v1"
STRATEGY = "def row_strategy(history):\n    return 0\n"
EACH = pytest.mark.parametrize("sandbox", BACKENDS)
Sandbox = Literal["bubblewrap", "docker"]


def gateway_of(folder: Path, sandbox: Sandbox = "bubblewrap", **settings: Any) -> Any:
    return open_gateway(folder / "data", folder / "cache", sandbox=sandbox, tools="checkpoints", **settings)


async def facts_of(gateway: Gateway, tool: str, **arguments: Any) -> dict[str, Any]:
    return (await gateway.call(tool, **arguments)).structured_content or {}


@EACH
async def test_a_session_goes_back_to_its_files_links_modes_and_exports(sandbox: Sandbox, tmp_path: Path) -> None:
    async with gateway_of(tmp_path, sandbox) as gateway:
        session = await gateway.start(GAME)
        await gateway.bash(session, "mkdir -p sub/deep; cd sub; echo one > deep/file; chmod 750 deep; ln -s deep link")
        await gateway.bash(session, "export COLOUR='deep blue'; plain=forgotten; truncate -s 100G holes")
        made = await facts_of(gateway, "checkpoint", session=session)
        assert (made["checkpoint"], made["size"] < 100_000) == ("c1", True)
        await gateway.bash(session, "cd /; rm -r /workspace/sub; export COLOUR=red; touch /tmp/later /workspace/later")
        assert "c1" in text(await gateway.call("restore", session=session, checkpoint="c1"))
        seen = await gateway.bash(
            session, "pwd; echo [$COLOUR] [$plain]; stat -c '%N %a' link deep holes; cat deep/file; ls .. /tmp"
        )
        assert seen.splitlines()[:5] == [
            "/workspace/sub",
            "[deep blue] []",
            "'link' -> 'deep' 777",
            "'deep' 750",
            "'holes' 644",
        ]
        assert "one" in seen
        assert "later" not in seen


@EACH
async def test_a_fork_begins_where_its_source_is_and_leaves_it_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    async with gateway_of(tmp_path, sandbox, pool=1) as gateway:
        source = await gateway.start(GAME)
        await gateway.bash(source, "echo ours > note; export X=1")
        forked = await facts_of(gateway, "fork", session=source, wait_s=50)
        assert forked["session"] != source
        assert forked["left"]["steps"] == 49
        await gateway.bash(forked["session"], "echo theirs > note")
        assert (await gateway.bash(forked["session"], "cat note; echo $X")).startswith("theirs\n1\n")
        assert (await gateway.bash(source, "cat note")).startswith("ours\n")
        began = [line for line in AuditLog(gateway.settings.data_dir).lines() if line["event"] == "session_started"]
        assert ["checkpoint" in line for line in began] == [False, True]


async def test_what_was_spent_by_a_checkpoint_is_spent_in_its_forks_and_comes_back_to_nobody(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        session = (await facts_of(gateway, "start", task=GAME, steps=20, wall_time=3600))["session"]
        await gateway.bash(session, "true")
        await facts_of(gateway, "checkpoint", session=session)
        await gateway.bash(session, "true")
        forked = await facts_of(gateway, "fork", session=session, checkpoint="c1")
        restored = await facts_of(gateway, "restore", session=session, checkpoint="c1")
        assert (forked["left"]["steps"], restored["left"]["steps"]) == (19, 18)
        assert forked["left"]["wall_time"] < 3600


async def test_only_scores_with_a_checkpoint_in_their_past_are_marked(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        source = await gateway.start(GAME)
        await gateway.create(source, "strategy.py", STRATEGY)
        forked = (await facts_of(gateway, "fork", session=source))["session"]
        for session in (source, forked):
            assert (await gateway.score("submit", session))["outcome"] == "scored"
        board = text(await gateway.call("read", uri=f"mlgym://leaderboard/{GAME}"))
        assert (board.count('"branched": false'), board.count('"branched": true')) == (1, 1)


async def test_a_session_that_is_over_can_still_be_forked_from_its_checkpoints(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        source = await gateway.start(GAME)
        await gateway.bash(source, "echo ours > note")
        await gateway.call("checkpoint", session=source)
        await gateway.call("end", session=source)
        forked = await facts_of(gateway, "fork", session=source, checkpoint="c1")
        assert (await gateway.bash(forked["session"], "cat note")).startswith("ours\n")
        refused = await gateway.client.call_tool("fork", {"session": source})
        assert "was ended" in text(refused)


async def test_what_cannot_be_kept_or_found_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        session = await gateway.start(GAME)
        await gateway.bash(session, "echo x > closed; chmod 000 closed")
        refused = await gateway.client.call_tool("checkpoint", {"session": session})
        assert "closed: Cannot open: Permission denied" in text(refused)
        for tool in ("restore", "fork"):
            unknown = await gateway.client.call_tool(tool, {"session": session, "checkpoint": "c7"})
            assert "no checkpoint 'c7'; the latest are: none yet" in text(unknown)
        assert (await gateway.bash(session, "ls")).startswith("closed\n")


async def test_jobs_go_on_after_a_checkpoint_and_end_with_a_restore(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        session = await gateway.start(GAME)
        await gateway.call("bash", session=session, command="sleep 600", background=True)
        made = await facts_of(gateway, "checkpoint", session=session)
        assert made["running"] == ["j1"]
        assert (await facts_of(gateway, "status", session=session))["jobs"][0]["running"]
        restored = await facts_of(gateway, "restore", session=session, checkpoint="c1")
        assert restored["running"] == ["j1"]
        assert (await facts_of(gateway, "status", session=session))["jobs"] == []


async def test_a_restored_session_is_found_again_by_the_next_server(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", sandbox="bubblewrap", tools=("checkpoints",)
    )
    async with open_server(settings) as server, Client(server) as client:
        session = await Gateway(client, settings).start(GAME)
        await Gateway(client, settings).bash(session, "echo ours > note")
        await client.call_tool("checkpoint", {"session": session})
        await client.call_tool("restore", {"session": session, "checkpoint": "c1"})
    async with gateway_of(tmp_path) as gateway:
        assert (await gateway.bash(session, "cat note")).startswith("ours\n")


async def test_a_fork_that_is_repeated_under_its_key_is_made_once(tmp_path: Path) -> None:
    async with gateway_of(tmp_path) as gateway:
        source = await gateway.start(GAME)
        meta: Any = {"mlgym-mcp/key": "once"}
        made = [await gateway.client.call_tool("fork", {"session": source}, meta=meta) for _ in range(2)]
        assert len({str((one.structured_content or {})["session"]) for one in made}) == 1
        other = await gateway.client.call_tool("start", {"task": GAME}, meta=meta)
        assert "a key of its own" in text(other)


async def test_the_group_is_offered_only_where_the_operator_chose_it(tmp_path: Path) -> None:
    async with open_gateway(tmp_path / "data", tmp_path / "cache") as gateway:
        offered = {tool.name for tool in (await gateway.client.list_tools()).tools}
        assert not offered & {"checkpoint", "restore", "fork"}
