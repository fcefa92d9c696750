"""Callers without a credential: a handle is all they have, and nothing leads from one to another's."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, facts_of, refused, start, told
from tests.web.stage import call, site

NEEDS_A_SESSION: dict[str, dict[str, Any]] = {
    "bash": {"command": "cat secret.txt"},
    "edit": {"command": "view", "path": "secret.txt"},
    "job": {"job": "j1"},
    "validate": {},
    "submit": {},
    "status": {},
    "end": {},
}
SESSIONS = ("mlgym://sessions/", "mlgym://sessions/*", "mlgym://sessions/{session}", "mlgym://sessions/%2e%2e/x")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("guess", [None, "", "local", "anonymous", "%"])
async def test_no_tool_finds_another_callers_session(tmp_path: Path, era: Era, guess: str | None) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner, served.client(era=era) as stranger:
        session = await start(owner)
        await told(owner, "bash", session=session, command="echo secret > secret.txt")
        given = {} if guess is None else {"session": guess}
        for tool, arguments in NEEDS_A_SESSION.items():
            said = await refused(stranger, tool, **arguments, **given)
            assert session not in said and "secret" not in said
        assert facts_of(await owner.call_tool("status", {"session": session}))["state"] == "open"


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_that_can_be_listed_or_read_names_another_callers_session(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner, served.client(era=era) as stranger:
        session = await start(owner)
        await told(owner, "bash", session=session, command="echo secret")
        seen = [
            repr(await stranger.list_tools()),
            repr(await stranger.list_resources()),
            repr(await stranger.list_resource_templates()),
            repr(await stranger.list_prompts()),
            repr(await stranger.get_prompt("attempt", {"task": TASK})),
        ]
        listed = (await stranger.list_resources()).resources
        seen += [repr(await stranger.read_resource(resource.uri)) for resource in listed]
        seen += [await refused(stranger, "read", uri=uri) for uri in SESSIONS]
        assert not [text for text in seen if session in text or "secret" in text]


@pytest.mark.parametrize("era", ERAS)
async def test_no_handle_is_ever_completed_for_a_stranger(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner, served.client(era=era) as stranger:
        session = await start(owner)
        for beginning in ("", session[:1], session[:12]):
            assert session not in await completions(stranger, beginning)


async def completions(client: Client, beginning: str) -> list[str]:
    """All that any argument is completed to."""
    templates = (await client.list_resource_templates()).resource_templates
    references: list[PromptReference | ResourceTemplateReference] = [
        ResourceTemplateReference(type="ref/resource", uri=template.uri_template) for template in templates
    ]
    references.append(PromptReference(type="ref/prompt", name="attempt"))
    found: list[str] = []
    for reference in references:
        for name in ("session", "id", "task", "path"):
            found += (await client.complete(reference, {"name": name, "value": beginning})).completion.values
    return found


async def test_a_stranger_that_does_the_same_under_the_same_key_gets_no_session(tmp_path: Path) -> None:
    meta: Any = {"mlgym-mcp/key": "1"}
    async with site(World(tmp_path)) as served, served.client() as owner, served.client() as stranger:
        for client in (owner, stranger):
            result = await client.call_tool("start", {"task": TASK}, meta=meta)
            assert result.is_error and "32 characters" in str(result.content)


async def test_a_key_that_can_not_be_kept_is_refused(tmp_path: Path) -> None:
    async with site(World(tmp_path)) as served, served.client() as client:
        for key in ("k" * 201, "é" * 40):
            meta: Any = {"mlgym-mcp/key": key}
            result = await client.call_tool("start", {"task": TASK}, meta=meta)
            assert result.is_error and "at most 200 characters, all of ASCII" in str(result.content)


async def test_a_handle_that_is_no_text_is_refused_as_such(tmp_path: Path) -> None:
    half_a_pair = "\ud800"
    body, headers = call("status", session=half_a_pair)
    async with site(World(tmp_path)) as served, served.raw() as http:
        answer = await http.post("/mcp", content=json.dumps(body), headers=headers)
    assert "half of a character" in answer.text


async def test_a_repeated_start_under_a_secret_key_gives_its_maker_the_same_session(tmp_path: Path) -> None:
    meta: Any = {"mlgym-mcp/key": "a-key-that-nobody-else-could-have-guessed"}
    async with site(World(tmp_path)) as served:
        handles = set()
        for era in ERAS:
            async with served.client(era=era) as client:
                handles.add(facts_of(await client.call_tool("start", {"task": TASK}, meta=meta))["session"])
    assert len(handles) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_an_address_of_one_session_offers_that_session_alone(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        mine, other = await start(owner), await start(owner)
        async with served.client(era=era, session=mine) as agent:
            names = [tool.name for tool in (await agent.list_tools()).tools]
            assert names == ["bash", "edit", "job", "validate", "submit", "status", "read"]
            assert facts_of(await agent.call_tool("status", {}))["session"] == mine
            assert "hello" in await told(agent, "bash", command="echo hello")
            for tool, arguments in NEEDS_A_SESSION.items():
                if tool in names:
                    assert "one session only" in await refused(agent, tool, **arguments, session=other)
            assert "one session only" in await refused(agent, "read", uri=f"mlgym://sessions/{other}")
            with pytest.raises(MCPError, match="one session only"):
                await agent.read_resource(f"mlgym://sessions/{other}/trajectory")
            for tool, arguments in {"start": {"task": TASK}, "end": {}, "list_tasks": {}}.items():
                assert "Unknown tool" in await refused(agent, tool, **arguments)


@pytest.mark.parametrize("era", ERAS)
async def test_an_address_of_one_session_shows_its_task_alone(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        session = await start(owner)
        async with served.client(era=era, session=session) as agent:
            listed = [resource.uri for resource in (await agent.list_resources()).resources]
            assert listed == ["mlgym://tasks", f"mlgym://tasks/{TASK}"]
            assert "one task only" in await refused(agent, "read", uri="mlgym://tasks/battle-of-the-sexes-v1")
            assert "Write answer.txt." in await told(agent, "read", uri=f"mlgym://tasks/{TASK}")


@pytest.mark.parametrize("era", ERAS)
async def test_an_address_of_no_session_offers_nothing_and_says_so(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era, session="no-such-session") as agent:
        assert len((await agent.list_tools()).tools) == 7
        assert "no session with this handle" in await refused(agent, "bash", command="true")
        assert "no session with this handle" in await refused(agent, "read", uri="mlgym://tasks")


@pytest.mark.parametrize("era", ERAS)
async def test_after_submit_the_address_of_a_session_refuses_with_the_score(tmp_path: Path, era: Era) -> None:
    async with site(World(tmp_path)) as served, served.client(era=era) as owner:
        session = await start(owner)
        async with served.client(era=era, session=session) as agent:
            await told(agent, "submit")
            said = await refused(agent, "bash", command="true")
    assert "accuracy 0.75" in said and "`start`" not in said
