"""Programs of others, whose models are a script, attempt a task as agents with our tools as their only hands."""

from dataclasses import replace
from pathlib import Path

import pytest
from mlgym_clients.agents.agent import Ending

from tests.clients.agents.seats import seat_at
from tests.strangers.attempt import ATTEMPT, TASK, assert_attempted, seat_of_one
from tests.strangers.models.endpoint import scripted
from tests.strangers.outside import no_way_out
from tests.strangers.programs import CLAUDE_CODE, CODEX, GEMINI_CLI, Stranger

pytestmark = pytest.mark.strangers


@pytest.mark.parametrize("stranger", [CLAUDE_CODE, CODEX, GEMINI_CLI], ids=lambda one: one.kind)
async def test_it_attempts_a_task_with_our_tools_alone_and_tells_of_it(
    tmp_path: Path, cache_dir: Path, stranger: Stranger
) -> None:
    async with no_way_out() as outside, scripted(stranger.wire, ATTEMPT) as model:
        async with seat_of_one(tmp_path, cache_dir) as server, server.connect() as client:
            seat, heard = seat_at(client, tmp_path, TASK, "Win.")
            seat = replace(seat, url=server.endpoint(), headers=server.headers)
            ending = await stranger.agent(model, outside).attempt(seat)
    assert ending == Ending()
    assert_attempted(model, tmp_path, besides=stranger.besides, told=stranger.told)
    assert outside.wanted == []
    assert heard.roles == "u" + "at" * len(ATTEMPT.calls) + "a"
    assert [call.name for said in heard.messages for call in said.tool_calls] == [call.tool for call in ATTEMPT.calls]
    assert heard.said("assistant")[-1] == ATTEMPT.last
    assert seat.meter.usage.requests == len(ATTEMPT.calls) + 1
    assert seat.meter.usage.tokens >= 2 * (len(ATTEMPT.calls) + 1)
