"""Stored tokens: whom they let in, for what and for how long, and that each caller finds its own sessions alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import ResourceTemplateReference
from starlette.responses import PlainTextResponse

from mlgym_mcp import log
from mlgym_mcp.auth.doorkeeper import Doorkeeper
from mlgym_mcp.errors import SetupError
from mlgym_mcp.server import open_web
from mlgym_mcp.settings import Settings
from mlgym_mcp.store import Tokens
from mlgym_mcp.web import address
from mlgym_mcp.web.gate import Gate
from mlgym_mcp.web.serving import serving
from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, facts_of, refused, start, told
from tests.tools.watch import Watcher, uris_of
from tests.web.stage import TOKEN, Site, audited, call, shown, site, token_of
from tests.web.test_strangers import NEEDS_A_SESSION

NOBODYS = "mlgym_" + "x" * 43


async def status_of(served: Site, token: str, place: str = "/mcp") -> tuple[int, str, str]:
    """How a call is answered: its status, its text and what it should have shown."""
    async with shown(served, token).raw() as http:
        body, headers = call("list_tasks")
        answer = await http.post(place, json=body, headers=headers)
    return answer.status_code, answer.text, answer.headers.get("www-authenticate", "")


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_token_lets_in_until_it_is_revoked_or_expires_without_a_restart(tmp_path: Path, end: str) -> None:
    world = World(tmp_path)
    token = token_of(world, "ada", expires_at=world.clock.now() + 3600)
    async with site(world) as served:
        assert (await status_of(served, token))[0] == 200
        with Tokens.open(tmp_path / "data") as tokens:
            [row] = tokens.list()
            assert row.used_at == world.clock.now()
            if end == "revoked":
                tokens.revoke(row.id, world.clock.now())
        if end == "expired":
            world.clock.advance(3600)
        status, text, asked = await status_of(served, token)
        assert (status, f"({row.id})" in text, end in text) == (401, True, True)
        assert 'error="invalid_token"' in asked
        async with Site(served.url).raw() as http:  # it does not open up for want of tokens
            body, headers = call("list_tasks")
            assert (await http.post("/mcp", json=body, headers=headers)).status_code == 401
    assert token not in "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "data").glob("*.*"))


@pytest.mark.parametrize("token", [NOBODYS, "no-token-of-ours", "a.b.c"])
async def test_a_token_that_is_not_known_lets_in_nowhere_not_even_where_none_is_needed(
    tmp_path: Path, token: str
) -> None:
    async with site(World(tmp_path)) as served:
        assert (await status_of(served, token))[0] == 401
        assert (await status_of(served, token, "/s/some-session/mcp"))[0] == 401


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_tokens_scopes_leave_out_is_listed_and_refused_with_the_scope_that_it_needs(
    tmp_path: Path, era: Era
) -> None:
    world = World(tmp_path)
    reader, worker = token_of(world, "ada", "read"), token_of(world, "ada")
    async with site(world, tools=("evaluation",)) as served, shown(served, worker).client(era=era) as client:
        session = await start(client)
        assert "scope `evaluate`" in await refused(client, "cut_off", session=session, why="exit_cost")
        with pytest.raises(MCPError, match="scope `evaluate`"):
            await client.read_resource(f"mlgym://tasks/{TASK}/baseline/answer.txt")
        async with shown(served, reader).client(era=era) as narrow:
            assert await narrow.list_tools() == await client.list_tools()
            assert TASK in await told(narrow, "list_tasks")
            assert "scope `attempt`" in await refused(narrow, "start", task=TASK)
            for tool, arguments in NEEDS_A_SESSION.items():
                assert "scope `attempt`" in await refused(narrow, tool, **arguments, session=session)
            assert "scope `attempt`" in await refused(narrow, "read", uri=f"mlgym://sessions/{session}")
    assert {line["scope"] for line in audited(world) if line["event"] == "scope_refused"} == {"attempt", "evaluate"}


async def test_a_token_without_a_scope_of_ours_is_of_no_use(tmp_path: Path) -> None:
    world = World(tmp_path)
    token = token_of(world, "ada", "something-else")
    async with site(world) as served:
        status, _, asked = await status_of(served, token)
        assert (status, 'error="insufficient_scope"' in asked) == (403, True)


async def everything_seen(client: Client, session: str) -> list[str]:
    """All that a caller is told who names a session, whatever way."""
    uri = f"mlgym://sessions/{session}"
    seen = [await refused(client, tool, **given, session=session) for tool, given in NEEDS_A_SESSION.items()]
    seen += [await refused(client, "read", uri=place) for place in (uri, f"{uri}/trajectory")]
    for place in (uri, f"{uri}/trajectory"):
        with pytest.raises(MCPError) as caught:
            await client.read_resource(place)
        seen.append(f"{caught.value.code} {caught.value}")
    reference = ResourceTemplateReference(type="ref/resource", uri="mlgym://sessions/{session}")
    seen.append(repr((await client.complete(reference, {"name": "session", "value": session[:4]})).completion.values))
    seen.append(repr((await client.list_resources()).resources))
    return [text.replace(session, "…") for text in seen]


@pytest.mark.parametrize("era", ERAS)
async def test_others_handles_look_exactly_like_those_that_there_are_not(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    ada, bob = token_of(world, "ada"), token_of(world, "bob")
    async with site(world) as served, shown(served, ada).client(era=era) as owner:
        session, none = await start(owner), "no-such-session-at-all"
        async with shown(served, bob).client(era=era) as other:
            assert await everything_seen(other, session) == await everything_seen(other, none)
        for place in (session, none):
            async with shown(served, bob).client(era=era, session=place) as other:
                assert "no session with this handle" in await refused(other, "bash", command="true")
        assert facts_of(await owner.call_tool("status", {}))["state"] == "open"


@pytest.mark.parametrize("era", ERAS)
async def test_others_handles_can_not_be_subscribed_to_either(tmp_path: Path, era: Era) -> None:
    world = World(tmp_path)
    ada, bob = token_of(world, "ada"), token_of(world, "bob")
    async with site(world) as served, shown(served, ada).client() as owner:
        session, said = await start(owner), []
        async with shown(served, bob).client(era=era) as other:
            for handle in (session, "no-such-session-at-all"):
                with pytest.raises(MCPError) as caught:
                    async with Watcher(other, era).subscribed(*uris_of(handle)):
                        pass
                said.append(f"{caught.value.code} {caught.value}")
    assert said[0] == said[1]


async def test_a_connection_with_a_handshake_serves_only_who_opened_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    ada, bob = token_of(world, "ada"), token_of(world, "bob")
    hello: dict[str, Any] = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    accept = {"Accept": "application/json, text/event-stream"}
    async with site(world) as served, shown(served, ada).raw() as mine, shown(served, bob).raw() as his:
        opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        opened = await mine.post("/mcp", json=opening, headers=accept)
        named = {**accept, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert (await his.post("/mcp", json=ping, headers=named)).status_code == 404
        assert (await mine.post("/mcp", json=ping, headers=named)).status_code == 200


async def test_who_may_operate_uses_the_sessions_of_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    ada, chief = token_of(world, "ada"), token_of(world, "chief", "attempt", "operate")
    async with site(world) as served, shown(served, ada).client() as owner, shown(served, chief).client() as operator:
        session = await start(owner)
        assert "ended" in await told(operator, "end", session=session)


async def test_a_gate_that_asks_for_a_scope_lets_nobody_pass_without_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    ada, chief = token_of(world, "ada"), token_of(world, "chief", "operate")
    with Tokens.open(tmp_path / "data") as tokens, address.listen("127.0.0.1", 0) as listener:
        gate = Gate(Doorkeeper(tokens, now=world.clock.now), PlainTextResponse("figures"), scope="operate")
        async with serving(gate, listener):
            served = Site(address.url(listener))
            answers = [await status_of(served, token) for token in (ada, chief)]
            async with served.raw() as http:
                assert (await http.get("/metrics")).status_code == 401
    assert [answer[0] for answer in answers] == [403, 200]
    assert 'error="insufficient_scope", scope="operate"' in answers[0][2]


async def test_the_operators_own_token_and_stored_ones_are_taken_side_by_side(tmp_path: Path) -> None:
    world = World(tmp_path)
    stored = token_of(world, "ada")
    async with site(world, token=TOKEN) as served:
        assert [(await status_of(served, token))[0] for token in (TOKEN, stored, NOBODYS)] == [200, 200, 401]


async def test_beyond_this_machine_a_stored_token_is_guard_enough_while_it_lasts(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", host="0.0.0.0")
    with Tokens.open(tmp_path / "data") as tokens:
        _, row = tokens.add("ada", ("read",), now=0)
        async with open_web(settings):
            pass
        tokens.revoke(row.id, 1)
    with pytest.raises(SetupError, match="mlgym-mcp tokens create"):
        async with open_web(settings):
            pass


async def test_a_principal_has_as_many_sessions_as_its_quota_says_and_the_operator_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    ada, bob = token_of(world, "ada"), token_of(world, "bob")
    quota = {"quota_sessions": 1, "quota_sessions_a_day": 2}
    meta: Any = {"mlgym-mcp/key": "k"}
    async with site(world, token=TOKEN, **quota) as served, shown(served, ada).client() as client:
        first = facts_of(await client.call_tool("start", {"task": TASK}, meta=meta))["session"]
        assert "as many sessions at once as you may (1)" in await refused(client, "start", task=TASK)
        again = facts_of(await client.call_tool("start", {"task": TASK}, meta=meta))["session"]
        assert again == first  # a repetition is no second session
        await told(client, "end", session=first)
        await told(client, "end", session=await start(client))
        assert "the next one in 24 h 0 min" in await refused(client, "start", task=TASK)
        async with shown(served, bob).client() as other, served.client() as operator:
            await start(other)
            for _ in range(3):
                await start(operator)
        world.clock.advance(24 * 3600)
        await start(client)
    assert [line["event"] for line in audited(world) if "why" in line] == ["quota_refused"] * 2


async def test_a_principal_makes_as_many_calls_in_a_minute_as_its_quota_says_and_the_next_is_free(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    ada = token_of(world, "ada")
    async with site(world, token=TOKEN, quota_calls_a_minute=2) as served, shown(served, ada).client() as client:
        session = await start(client)
        await told(client, "read", uri="mlgym://tasks")  # one call, though it reads a resource
        said = await refused(client, "bash", command="true")
        assert "Too many calls: you may make 2 a minute. Wait" in said and "cost nothing" in said
        with pytest.raises(MCPError, match="Too many calls"):
            await client.read_resource("mlgym://tasks")
        async with served.client() as operator:
            seen = [facts_of(await operator.call_tool("status", {"session": session})) for _ in range(3)]
        assert seen[-1]["left"]["steps"] == 10
    assert [line["principal"] for line in audited(world) if line["event"] == "quota_refused"] == ["ada"] * 2


async def test_who_does_what_is_in_the_audit_log_without_a_secret(tmp_path: Path) -> None:
    world = World(tmp_path)
    token = token_of(world, "ada", "read", "attempt", "evaluate")
    async with site(world, tools=("evaluation",)) as served, shown(served, token).client() as client:
        first, second, third = [await start(client) for _ in range(3)]
        await told(client, "submit", session=first)
        await told(client, "end", session=second)
        await told(client, "cut_off", session=third, why="exit_cost")
        await status_of(served, NOBODYS)
    lines = audited(world)
    assert [line["event"] for line in lines] == [
        "session_started",
        "session_started",
        "session_started",
        "session_submitted",
        "session_ended",
        "session_cut_off",
        "token_refused",
    ]
    with Tokens.open(tmp_path / "data") as tokens:
        [row] = tokens.list()
    for line, session in zip(lines[:6], (first, second, third, first, second, third), strict=True):
        assert (line["principal"], line["token"], line["address"]) == ("ada", row.id, "127.0.0.1")
        assert (line["session"], len(line["request"])) == (log.fingerprint(session), 8)
    assert "principal" not in lines[6]
    written = (tmp_path / "data/audit.log").read_text()
    assert not [secret for secret in (token, NOBODYS, first, second, third) if secret in written]


async def test_a_flood_of_refusals_is_told_of_in_few_lines(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, token=TOKEN) as served, shown(served, NOBODYS).raw() as http:
        body, headers = call("list_tasks")
        for _ in range(40):
            assert (await http.post("/mcp", json=body, headers=headers)).status_code == 401
    assert 20 <= len(audited(world)) < 30


async def test_an_audit_log_that_was_moved_away_is_begun_anew_and_nothing_else_is_read_from_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world) as served, served.client() as client:
        await start(client)
        file = tmp_path / "data/audit.log"
        file.rename(tmp_path / "kept.log")
        await start(client)
        with file.open("a") as appended:
            appended.write('{"half a line\n[1]\n')
        assert [line["event"] for line in audited(world)] == ["session_started"]
        assert len((tmp_path / "kept.log").read_text().splitlines()) == 1
        assert json.loads(file.read_text().splitlines()[0])["principal"] == "anonymous"
        assert file.stat().st_mode & 0o777 == 0o600
