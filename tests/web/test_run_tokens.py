"""Run tokens: each opens one session, and ends with it."""

from pathlib import Path

import pytest
from mcp import MCPError

from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, connected, facts_of, refused, start, told
from tests.web.stage import TOKEN, audited, call, shown, site
from tests.web.test_tokens import status_of


@pytest.mark.parametrize("token", [TOKEN, None], ids=["guarded", "open to this machine"])
@pytest.mark.parametrize("era", ERAS)
async def test_a_run_token_finds_its_session_at_the_servers_address_and_nothing_else(
    tmp_path: Path, era: Era, token: str | None
) -> None:
    world = World(tmp_path)
    async with site(world, token=token, tools=("evaluation",)) as served, served.client(era=era) as harness:
        mine, other = await start(harness), await start(harness)
        given = facts_of(await harness.call_tool("run_token", {"session": mine}))["token"]
        async with shown(served, given).client(era=era) as agent:
            names = [tool.name for tool in (await agent.list_tools()).tools]
            assert names == ["bash", "edit", "job", "validate", "submit", "status", "read"]
            assert "hello" in await told(agent, "bash", command="echo hello")
            assert facts_of(await agent.call_tool("status", {}))["session"] == mine
            assert "one session only" in await refused(agent, "bash", command="true", session=other)
            with pytest.raises(MCPError, match="one session only"):
                await agent.read_resource(f"mlgym://sessions/{other}")
            for tool in ("start", "end", "cut_off", "run_token"):
                assert "Unknown tool" in await refused(agent, tool, task=TASK, session=other, why="exit_cost")
        assert (await status_of(served, given, f"/s/{mine}/mcp"))[0] == 200
        assert [(await status_of(served, given, f"/s/{place}/mcp"))[:2] for place in (other, "none")] == [
            (403, '{"error":"This token opens one session only, at /mcp."}')
        ] * 2
    assert [line["event"] for line in audited(world)][2] == "run_token_made"
    assert given not in (tmp_path / "data/audit.log").read_text()


async def test_a_run_token_outlives_its_session_for_as_long_as_it_takes_to_hear_the_score(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN, tools=("evaluation",)) as served, served.client() as harness:
        session = await start(harness)
        given = facts_of(await harness.call_tool("run_token", {"session": session}))["token"]
        async with shown(served, given).client() as agent:
            await told(agent, "submit")
            world.clock.advance(599)
            assert "accuracy 0.75" in await refused(agent, "bash", command="true")
            world.clock.advance(1)
            assert (await status_of(served, given))[0] == 401
        assert "accuracy 0.75" in await refused(harness, "run_token", session=session)


async def test_a_run_token_expires_when_its_maker_says(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN, tools=("evaluation",)) as served, served.client() as harness:
        session = await start(harness)
        made = facts_of(await harness.call_tool("run_token", {"session": session, "lifetime": 60}))
        assert made["expires_at"] == world.clock.now() + 60
        world.clock.advance(60)
        assert "has expired" in (await status_of(served, made["token"]))[1]


async def test_a_run_token_of_the_owners_session_makes_nobody_the_owner(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with connected(world, tools=("evaluation",)) as owner:
        made = facts_of(await owner.call_tool("run_token", {"session": await start(owner)}))
    async with site(world, token=TOKEN) as served, shown(served, made["token"]).raw() as http:
        body, headers = call("status")
        answer = await http.post("/mcp", json=body, headers=headers)
        assert made["session"] in answer.text
    assert "local" not in {line["principal"] for line in audited(world)[2:]}
