"""Two clients on one session: what they ask for under one key is done once, and what they ask for at once, in turn."""

from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult

from mlgym_mcp.store import Store
from tests.faults.lives import Ask, Lives, ask, begin
from tests.gateway import text

ASKS = (
    ask("start"),
    ask("bash", "exit 0", command="echo x >> log; head -c 1000 /dev/urandom > weights"),
    ask("validate", "'points': 7.0", wait_s=50),
    ask("bash", "x\n[exit 0", command="cat log"),
    ask("submit", "'points': 7.0", wait_s=50),
)
COUNT = "read n < count; sleep 0.02; echo $((n + 1)) > count"


async def test_calls_under_one_key_act_once_at_once_and_later_and_on_another_server(
    tmp_path: Path, cache_dir: Path, prepared: Path
) -> None:
    begin(prepared, tmp_path)
    lives = Lives(tmp_path, cache_dir)
    first = await answered_alike(lives)
    assert await answered_alike(lives) == first, "another server answers as the first did"
    with Store.open(lives.data) as store:
        (row,) = store.sessions.list()
        assert [event.kind for event in store.events.list(row.id)] == ["bash", "validate", "bash", "submit"]
        assert [found.phase for found in store.scores.of_session(row.id)] == ["validate", "submit"]


async def answered_alike(lives: Lives) -> list[object]:
    """What all of them are answered, each asked four times at once by two clients of one server."""
    answers = []
    async with lives.server() as (url, _), Client(f"{url}/mcp") as one, Client(f"{url}/mcp", mode="legacy") as other:
        for number, asked in enumerate(ASKS):
            found = await at_once(lives, asked, number, [one, other] * 2)
            assert asked.says in f"{text(found[0])} {found[0].structured_content}"
            told = [facts["session"] if asked.tool == "start" else facts for facts in map(facts_of, found)]
            assert told == told[:1] * 4
            answers.append(told[0])
    return answers


async def at_once(lives: Lives, asked: Ask, number: int, clients: list[Client]) -> list[CallToolResult]:
    """What a call is answered that all these clients make at the same time."""
    found = []

    async def call(client: Client) -> None:
        found.append(await lives.call(client, asked, number=number))

    async with anyio.create_task_group() as calls:
        for client in clients:
            calls.start_soon(call, client)
    return found


def facts_of(answer: CallToolResult) -> Any:
    assert not answer.is_error, text(answer)
    return answer.structured_content or text(answer)


async def test_commands_of_two_clients_run_in_turn(tmp_path: Path, cache_dir: Path, prepared: Path) -> None:
    begin(prepared, tmp_path)
    lives = Lives(tmp_path, cache_dir)
    async with lives.server() as (url, _), Client(f"{url}/mcp") as one, Client(f"{url}/mcp") as other:
        await lives.go_on(one, [ask("start", "open"), ask("bash", "exit 0", command="echo 0 > count")])
        async with anyio.create_task_group() as calls:
            for client in [one, other] * 4:
                calls.start_soon(client.call_tool, "bash", {"session": lives.session, "command": COUNT})
        await lives.go_on(one, [ask("bash", "8\n[exit 0", command="cat count"), ask("end", "10 steps")])
