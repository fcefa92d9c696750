"""Many sessions at once go through the whole server."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from httpx2 import AsyncClient

from tests.fakes import TASK, World, until
from tests.web.stage import Site, call, site


async def asked(http: AsyncClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers, plainly or, when it took long enough to tell of its progress, in a stream's last event."""
    body, headers = call(tool, **arguments)
    answer = (await http.post("/mcp", json=body, headers=headers)).text
    result: dict[str, Any] = json.loads(answer.strip().splitlines()[-1].removeprefix("data: "))["result"]
    assert not result.get("isError"), result
    return result


@pytest.mark.parametrize("count", [40, pytest.param(300, marks=pytest.mark.exhaustive)])
async def test_hundreds_of_sessions_at_once_are_worked_at_and_scored_without_an_error(
    tmp_path: Path, count: int
) -> None:
    world, opened, all_open = World(tmp_path), list[str](), anyio.Event()

    async def attempt(served: Site) -> None:
        async with served.raw() as http:
            session = (await asked(http, "start", task=TASK, wait_s=50))["structuredContent"]["session"]
            opened.append(session)
            if len(opened) == count:
                all_open.set()
            await all_open.wait()
            assert "hello" in str(await asked(http, "bash", session=session, command="echo hello"))
            await asked(http, "edit", session=session, command="create", path="answer.txt", file_text=session)
            for scoring in ("validate", "submit"):
                score = await asked(http, scoring, session=session, wait_s=50)
                assert score["structuredContent"]["outcome"] == "scored"

    async with site(world, max_sessions=count, pool=0, scoring_limit=8) as served:
        async with anyio.create_task_group() as clients:
            for _ in range(count):
                clients.start_soon(attempt, served)
        await until(lambda: not world.backend.guests)
    assert len(set(opened)) == count
    assert len({request.artefact.sha256 for request in world.referee.requests}) == count
