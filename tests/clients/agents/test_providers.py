"""The agent `model` on the way to a real provider, which is a script on loopback."""

from pathlib import Path

import pytest
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import Ending

from tests.clients.agents.seats import toy_seat
from tests.strangers.models.completions import COMPLETIONS, failure
from tests.strangers.models.endpoint import Wire, scripted
from tests.strangers.models.messages import MESSAGES
from tests.strangers.models.responses import RESPONSES
from tests.strangers.models.script import Script, call

LOOKS = Script([*[call("bash", command="cat answer.txt")] * 3, call("submit")], last="")


@pytest.mark.parametrize(
    ("name", "wire", "path"),
    [
        ("openai-compatible:scripted", COMPLETIONS, "/v1"),
        ("openai:scripted", RESPONSES, "/v1"),
        ("anthropic:scripted", MESSAGES, ""),
    ],
)
async def test_each_providers_own_api_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wire: Wire, path: str
) -> None:
    monkeypatch.setenv("KEY_OF_TESTS", "none")
    async with scripted(wire, LOOKS) as model, toy_seat(tmp_path) as (seat, heard):
        chosen = {
            "model": name,
            "base_url": model.url + path,
            "api_key_env": "KEY_OF_TESTS",
            "history": 1,
            "retries": 0,
        }
        assert await registry.make("model", {**chosen, "history_batch": 1}).attempt(seat) == Ending()
    assert heard.roles == "su" + "at" * 4
    outputs = model.requests[-1].results
    assert list(outputs[:2]) == ["(old output left out, 2 lines)"] * 2
    assert outputs[2:] == tuple(heard.said("tool")[2:3])


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (400, "context_length_exceeded", "exit_context"),
        (401, "invalid_api_key", "exit_api"),
        (429, "rate_limit_exceeded", "exit_api"),
    ],
)
async def test_a_provider_that_refuses_ends_an_attempt(tmp_path: Path, status: int, code: str, why: str) -> None:
    async with scripted(COMPLETIONS, LOOKS) as model, toy_seat(tmp_path) as (seat, _):
        model.failures += [failure(status, code)] * 2
        ending = await registry.make(
            "model", {"model": "scripted", "base_url": f"{model.url}/v1", "retries": 1}
        ).attempt(seat)
    assert ending.why == why
    assert code in (ending.detail or "")
