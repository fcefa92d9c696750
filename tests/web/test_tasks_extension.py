"""Tasks over HTTP: any connection follows them, of whoever's session they are; the header must name the right one."""

from pathlib import Path

from mcp.types import HEADER_MISMATCH, INVALID_PARAMS

from tests.fakes import World
from tests.tools.follower import TASKS, Follower, ask, begin, over, refusal
from tests.tools.stage import start, text_of, told
from tests.web.stage import ENVELOPE, MODERN, shown, site, token_of

KNOWING = [Follower()]


async def test_a_task_outlives_its_connection_and_is_its_principals_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, task_after=0) as served:
        mine, other = (shown(served, token_of(world, name)) for name in ("ada", "bob"))
        async with mine.client(extensions=KNOWING) as ada:
            session = await start(ada)
            task = await begin(ada, "bash", command="hang", session=session)
        async with other.client(extensions=KNOWING) as bob:
            for method in ("tasks/get", "tasks/cancel"):
                assert await refusal(bob, task.task_id, method) == INVALID_PARAMS
        async with mine.client(extensions=KNOWING, session=session) as ada:
            assert (await ask(ada, task.task_id)).status == "working"
            await told(ada, "job", job="j1", action="kill")
            assert "(Killed.)" in text_of(await over(ada, task.task_id))


async def test_at_the_address_of_one_session_tasks_of_others_are_not_found(tmp_path: Path) -> None:
    async with site(World(tmp_path), task_after=0) as served, served.client(extensions=KNOWING) as owner:
        session, other = await start(owner), await start(owner)
        task = await begin(owner, "bash", command="hang", session=session)
        async with served.client(extensions=KNOWING, session=other) as agent:
            assert await refusal(agent, task.task_id) == INVALID_PARAMS
        assert (await ask(owner, task.task_id)).status == "working"  # whoever has its id, where nobody shows a token


async def test_a_header_that_names_another_task_is_refused(tmp_path: Path) -> None:
    async with site(World(tmp_path), task_after=0) as served, served.client(extensions=KNOWING) as client:
        task = await begin(client, "bash", command="hang", session=await start(client))
        knowing: dict[str, object] = {"io.modelcontextprotocol/clientCapabilities": {"extensions": {TASKS: {}}}}
        params = {"taskId": task.task_id, "_meta": ENVELOPE | knowing}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": params}
        headers = {**MODERN, "Mcp-Method": "tasks/get", "Mcp-Name": "another"}
        async with served.raw() as http:
            refused = await http.post("/mcp", json=body, headers=headers)
            found = await http.post("/mcp", json=body, headers={**headers, "Mcp-Name": task.task_id})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, HEADER_MISMATCH)
    assert found.json()["result"]["status"] == "working"


async def test_a_task_counts_as_one_call_however_often_it_is_looked_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with site(world, task_after=0, quota_calls_a_minute=3) as served:
        async with shown(served, token_of(world, "ada")).client(extensions=KNOWING) as ada:
            session = await start(ada)
            task = await begin(ada, "bash", command="hang", session=session)
            for _ in range(5):
                assert (await ask(ada, task.task_id)).status == "working"
            assert "9 steps" in await told(ada, "status", session=session)
