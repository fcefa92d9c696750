"""Agents at a real task in a real sandbox."""

from pathlib import Path

import pytest
from mcp import Client
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import Ending
from mlgym_clients.server import Server

from tests.clients.agents.seats import seat_at
from tests.clients.agents.typists import Editor, somebody
from tests.processes import http_server
from tests.strangers.attempt import ATTEMPT, TASK, assert_scored
from tests.strangers.models.completions import COMPLETIONS, failure
from tests.strangers.models.endpoint import scripted
from tests.tools.stage import facts_of

ANSWERS = ("# Battle of the sexes", "return 0", "The score on the validation part", "exit status: submitted")


async def test_a_model_of_a_busy_provider_plays_to_a_score_where_a_human_gives_up(
    tmp_path: Path, cache_dir: Path
) -> None:
    async with http_server(tmp_path, cache_dir) as (url, _):
        await check_the_model(url, tmp_path)
        await check_the_human(url, tmp_path)
    assert_scored(tmp_path)


async def check_the_model(url: str, folder: Path) -> None:
    session, brief = await started(url)
    async with scripted(COMPLETIONS, ATTEMPT) as model, Server(url).connect(session) as client:
        model.failures += [failure(429, "rate_limit_exceeded"), failure(503, "overloaded")]
        prices = {"input": 3, "cached": 1, "output": 15}
        agent = registry.make("model", {"model": "scripted", "base_url": f"{model.url}/v1", "prices": prices})
        seat, heard = seat_at(client, folder, TASK, brief)
        assert await agent.attempt(seat) == Ending()
    assert len(model.requests) == len(ATTEMPT.calls)  # and none after the submit
    for expected, answer in zip(ANSWERS, heard.said("tool"), strict=True):
        assert expected in answer
    assert heard.said("user")[0].startswith("# Battle of the sexes")
    used = seat.meter.usage
    assert (used.requests, used.input_tokens, used.cached_tokens, used.output_tokens) == (4, 400, 160, 40)
    assert used.cost == pytest.approx((240 * 3 + 160 * 1 + 40 * 15) / 1e6)


async def check_the_human(url: str, folder: Path) -> None:
    session, brief = await started(url)
    editor = Editor("return 1", "return 0")
    lines = [":edit strategy.py", ":edit notes/new.md", "cat strategy.py \\", "notes/new.md", ":edit notes", ":give-up"]
    with somebody(*lines, editor=editor) as (human, shown):
        async with Server(url).connect(session) as client:
            seat, _ = seat_at(client, folder, TASK, brief)
            assert (await human.attempt(seat)).why == "exit_forfeit"
    (before, suffix), new = editor.opened
    assert ("def row_strategy" in before, suffix, new) == (True, ".py", ("", ".md"))
    told = shown.getvalue()
    assert before.replace("return 1", "return 0") + "return 0\n[exit 0" in told, told
    assert "notes can't be edited here" in told


async def started(url: str) -> tuple[str, str]:
    """A session on the task, and its brief."""
    async with Client(f"{url}/mcp") as client:
        facts = facts_of(await client.call_tool("start", {"task": TASK, "wait_s": 45}))
    return facts["session"], facts["brief"]
