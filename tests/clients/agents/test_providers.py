"""The agent `model` on the way to a real provider, which is a script on loopback."""

from pathlib import Path

import pytest
from mcp import Client
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import Ending
from mlgym_clients.server import Server
from starlette.responses import JSONResponse

from tests.clients.agents.seats import seat_at, toy_seat
from tests.processes import http_server
from tests.strangers.attempt import ATTEMPT, TASK, assert_scored
from tests.strangers.models.completions import COMPLETIONS
from tests.strangers.models.endpoint import Model, scripted
from tests.tools.stage import facts_of

PRICES = {"input": 3, "cached": 1, "output": 15}


def failure(status: int, code: str) -> JSONResponse:
    return JSONResponse({"error": {"message": code, "code": code, "type": code}}, status, {"retry-after-ms": "1"})


def options(model: Model, **besides: object) -> dict[str, object]:
    return {"model": "scripted", "base_url": f"{model.url}/v1", **besides}


async def test_a_model_of_a_busy_provider_attempts_a_task_to_its_score(tmp_path: Path, cache_dir: Path) -> None:
    async with scripted(COMPLETIONS, ATTEMPT) as model, http_server(tmp_path, cache_dir) as (url, _):
        model.failures += [failure(429, "rate_limit_exceeded"), failure(503, "overloaded")]
        agent = registry.make("model", options(model, prices=PRICES))
        async with Client(f"{url}/mcp") as client:
            started = facts_of(await client.call_tool("start", {"task": TASK, "wait_s": 45}))
        async with Server(url).connect(started["session"]) as client:
            seat, heard = seat_at(client, tmp_path, TASK, started["brief"])
            assert await agent.attempt(seat) == Ending()
    assert_scored(tmp_path)
    assert len(model.requests) == len(ATTEMPT.calls)
    answers = ("# Battle of the sexes", "return 0", "The score on the validation part", "exit status: submitted")
    for expected, answer in zip(answers, heard.said("tool"), strict=True):
        assert expected in answer
    assert heard.said("user")[0].startswith("# Battle of the sexes")
    used = seat.meter.usage
    assert (used.requests, used.input_tokens, used.cached_tokens, used.output_tokens) == (4, 400, 160, 40)
    assert used.cost == pytest.approx((240 * 3 + 160 * 1 + 40 * 15) / 1e6)


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (400, "context_length_exceeded", "exit_context"),
        (401, "invalid_api_key", "exit_api"),
        (429, "rate_limit_exceeded", "exit_api"),
    ],
)
async def test_a_provider_that_refuses_ends_an_attempt(tmp_path: Path, status: int, code: str, why: str) -> None:
    async with scripted(COMPLETIONS, ATTEMPT) as model, toy_seat(tmp_path) as (seat, _):
        model.failures += [failure(status, code)] * 2
        ending = await registry.make("model", options(model, retries=1)).attempt(seat)
    assert ending.why == why
    assert code in (ending.detail or "")
