"""A model that only pretends to think attempts a toy task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlgym_clients.agents import registry
from mlgym_clients.agents.agent import BadOptions, Ending, Unreachable
from mlgym_clients.agents.meter import LimitReached
from mlgym_clients.agents.model.accounts import usage_of
from mlgym_clients.agents.model.agent import ModelAgent
from mlgym_clients.agents.model.options import ModelOptions, Prices
from mlgym_clients.records.run import Limits
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from tests.clients.agents.seats import seat_at, toy_seat
from tests.fakes import TASK, World
from tests.tools.stage import connected

LOOK = ToolCallPart("bash", {"command": "cat answer.txt"})
WRITE = ToolCallPart("edit", {"command": "create", "path": "answer.txt", "file_text": "42\n"})
SUBMIT = ToolCallPart("submit", {})
PRICES = {"input": 3.0, "output": 15.0}


@dataclass
class Scripted:
    """Says one turn after the other, the last one for ever, and keeps what it was sent."""

    turns: Sequence[Sequence[ModelResponsePart]]
    sent: list[list[ModelMessage]] = field(default_factory=list)
    offered: set[str] = field(default_factory=set)

    async def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.sent.append(messages)
        self.offered = {tool.name for tool in info.function_tools}
        turn = self.turns[min(len(self.sent), len(self.turns)) - 1]
        return ModelResponse(list(turn), usage=RequestUsage(input_tokens=100, output_tokens=10))


def parts(messages: list[ModelMessage]) -> list[ToolReturnPart]:
    """What tools answered, as it was sent."""
    return [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]


def outputs(messages: list[ModelMessage]) -> list[Any]:
    """What tools printed, as it was sent."""
    return [part.content for part in parts(messages)]


def agent(script: Scripted, **options: Any) -> ModelAgent:
    return ModelAgent(ModelOptions(model="scripted", **options), FunctionModel(script))


async def test_calls_are_made_in_the_order_in_which_they_were_written_and_a_submit_is_the_end(tmp_path: Path) -> None:
    script = Scripted([[ThinkingPart("It says 42."), TextPart("I write it."), WRITE, LOOK, SUBMIT]])
    async with toy_seat(tmp_path) as (seat, heard):
        ending = await agent(script, prices=PRICES).attempt(seat)
    assert ending == Ending()
    assert len(script.sent) == 1
    assert {"bash", "edit", "validate"} <= script.offered
    assert heard.roles == "suattt"
    said = heard.messages[2]
    assert (said.thinking, said.content) == ("It says 42.", "I write it.")
    assert [call.name for call in said.tool_calls] == ["edit", "bash", "submit"]
    assert [call.id for call in said.tool_calls] == [message.tool_call_id for message in heard.messages[3:]]
    assert heard.said("tool")[1].startswith("42\n[exit 0")
    assert seat.meter.usage.model_dump() == {
        "requests": 1,
        "input_tokens": 100,
        "cached_tokens": 0,
        "output_tokens": 10,
        "cost": pytest.approx(0.00045),
    }


async def test_a_model_is_shown_the_brief_and_the_budget_as_its_prompts_say(tmp_path: Path) -> None:
    prompt = tmp_path / "system.md"
    prompt.write_text("You $goal $metric of $title for $$0.", encoding="utf-8")
    script = Scripted([[SUBMIT]])
    async with toy_seat(tmp_path, limits=Limits(tokens=5000, cost=2)) as (seat, heard):
        await agent(script, system_prompt={"file": str(prompt)}, prices=PRICES).attempt(seat)
    assert heard.said("system") == ["You maximize accuracy of Toy for $0."]
    left = "10 steps, 1 h 0 min of wall time, 5,000 tokens, 2.00 US dollars"
    assert heard.said("user") == [f"Write answer.txt.\n\nLeft of the budget: {left}.\n"]


async def test_a_model_that_stops_is_told_once_to_go_on(tmp_path: Path) -> None:
    script = Scripted([[WRITE], [TextPart("That should do.")], [LOOK], []])
    async with toy_seat(tmp_path) as (seat, heard):
        ending = await agent(script).attempt(seat)
    assert ending.why == "done"
    assert heard.roles == "suatauata"
    assert "Left of the budget: 9 steps" in heard.said("user")[1]


async def test_a_session_that_is_cut_off_is_the_end(tmp_path: Path) -> None:
    script = Scripted([[LOOK]])
    async with toy_seat(tmp_path) as (seat, heard):
        assert await agent(script).attempt(seat) == Ending()
    assert len(script.sent) == 10
    assert "The budget is spent" in heard.said("tool")[-1]


async def test_older_outputs_are_left_out_a_few_turns_at_a_time_and_the_record_has_them_all(tmp_path: Path) -> None:
    script = Scripted([[LOOK]])
    async with toy_seat(tmp_path) as (seat, heard):
        await agent(script, history=2, history_batch=3).attempt(seat)
    left_out = "(old output left out, 2 lines)"
    assert [outputs(sent).count(left_out) for sent in script.sent] == [0, 0, 0, 0, 0, 3, 3, 3, 6, 6]
    assert [len(outputs(sent)) for sent in script.sent] == list(range(10))
    assert left_out not in heard.said("tool")
    for before, after in [(5, 6), (6, 7), (8, 9)]:
        assert script.sent[after][: len(script.sent[before])] == script.sent[before]


async def test_an_image_is_shown_as_one(tmp_path: Path) -> None:
    draw = ToolCallPart("bash", {"command": r"printf '\x89PNG\r\n\x1a\n' > plot.png"})
    look = ToolCallPart("edit", {"command": "view", "path": "plot.png"})
    script = Scripted([[draw, look], [SUBMIT]])
    async with toy_seat(tmp_path) as (seat, heard):
        await agent(script).attempt(seat)
    image, text = outputs(script.sent[1])[1]
    assert (image.media_type, image.data) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert heard.said("tool")[1] == f"(image/png, 8 bytes)\n{text}"


async def test_calls_that_no_tool_understands_are_answered_and_the_third_in_a_row_is_the_end(tmp_path: Path) -> None:
    unknown = ToolCallPart("python", {"code": "1"})
    broken = ToolCallPart("bash", '{"command": "ls')
    lacking = ToolCallPart("bash", {"cmd": "ls"})
    script = Scripted([[unknown], [unknown, LOOK], [unknown], [broken], [lacking]])
    async with toy_seat(tmp_path) as (seat, heard):
        ending = await agent(script).attempt(seat)
    assert ending.why == "exit_format"
    assert len(script.sent) == 5
    told = heard.said("tool")[-3:]
    expected = ("There is no tool python; there are: ", "no JSON object", "`command` is needed")
    for part, answer in zip(expected, told, strict=True):
        assert part in answer
    assert [part.outcome for part in parts(script.sent[-1])] == ["failed", "failed", "success", "failed", "failed"]


async def test_a_limit_ends_an_attempt_before_anything_more_is_done(tmp_path: Path) -> None:
    async with toy_seat(tmp_path, limits=Limits(tokens=150)) as (seat, heard):
        with pytest.raises(LimitReached, match="tokens"):
            await agent(Scripted([[WRITE]])).attempt(seat)
    assert heard.roles == "suata"
    assert seat.meter.usage.tokens == 220


async def test_a_limit_of_cost_needs_prices(tmp_path: Path) -> None:
    async with toy_seat(tmp_path, limits=Limits(cost=1)) as (seat, _):
        with pytest.raises(BadOptions, match="give the option 'prices'"):
            await agent(Scripted([[WRITE]])).attempt(seat)


async def test_a_session_that_is_gone_is_not_the_models_fault(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        seat, _ = seat_at(client, tmp_path, TASK, "Nothing was started.")
        with pytest.raises(Unreachable, match="does not know the session"):
            await agent(Scripted([[WRITE]])).attempt(seat)


def test_what_is_read_from_a_cache_has_its_own_price() -> None:
    used = RequestUsage(input_tokens=1_000_000, cache_read_tokens=400_000, output_tokens=100_000)
    answer = ModelResponse([], usage=used, model_name="gpt-4o", provider_name="openai")
    assert usage_of(answer, Prices(input=3, cached=1, output=10)).cost == pytest.approx(3.2)
    assert usage_of(answer, None).cost == pytest.approx(3.0)  # at 2.50, 1.25 and 10.00 dollars
    answer.model_name = "home-grown"
    assert usage_of(answer, None).cost is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "options of the agent `model`: 'model' is missing"),
        ({"model": "openai:gpt-4o", "temprature": 1}, "there is no 'temprature'; there are: model, base_url"),
        ({"model": "openai:gpt-4o", "top_p": 7}, "'top_p': .*less than or equal to 1"),
        ({"model": "openai:gpt-4o"}, "OPENAI_API_KEY"),
        ({"model": "opnai:gpt-4o"}, "Unknown model: opnai:gpt-4o"),
        ({"model": "m", "base_url": "http://127.0.0.1:1", "api_key_env": "NO_KEY"}, "the environment has no NO_KEY"),
        ({"model": "m", "first_message": "$breif"}, r"nothing is called \$breif; there are: \$task"),
        ({"model": "m", "first_message": "5 $"}, r"write \$\$ for one"),
        ({"model": "m", "nudge": {"file": "/nowhere.md"}}, "/nowhere.md can't be read"),
    ],
)
def test_options_that_are_wrong_are_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(BadOptions, match=told):
        registry.make("model", options)
