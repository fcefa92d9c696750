"""A whole attempt at one task, as a scripted model makes it, and what must have come of it."""

import sys
from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mlgym_clients.server import Server, bearer

from mlgym_mcp.store import Store
from tests.processes import environment, http_server
from tests.strangers.models.endpoint import Model
from tests.strangers.models.script import Script, call
from tests.tools.stage import facts_of

TASK = "battle-of-the-sexes-v1"
BEST = 1.44
ATTEMPT = Script(
    [
        call("read", uri=f"mlgym://tasks/{TASK}"),
        call("edit", command="str_replace", path="strategy.py", old_str="return 1", new_str="return 0"),
        call("validate"),
        call("submit"),
    ],
    last="The strategy is submitted.",
)
ANSWERS = ("# Battle of the sexes", "return 0", '"outcome":"scored"', '"state":"submitted"')
"""What is found in the results of the calls, where a model is shown what is structured of them."""
WORDS = ("# Battle of the sexes", "return 0", "The score on the validation part", "exit status: submitted")
"""What is found in their text."""
OURS = {f"mcp__mlgym__{tool}" for tool in ("bash", "edit", "job", "read", "status", "submit", "validate")}


def pinned_command(folder: Path, cache_dir: Path) -> dict[str, Any]:
    """The entry of a server that a client starts, for one attempt at the task."""
    return {
        "command": sys.executable,
        "args": ["-m", "mlgym_mcp", "serve", "--task", TASK],
        "env": environment(folder, cache_dir),
    }


@asynccontextmanager
async def seat_of_one(folder: Path, cache_dir: Path) -> AsyncIterator[Server]:
    """A server over HTTP that lets in by tokens alone, as it is to whoever holds one for a session at the task."""
    secret = "a-token-that-nobody-can-guess"
    async with http_server(folder, cache_dir, "--tools", "evaluation", token=secret) as (url, _):
        async with Server(url, bearer(secret)).connect() as client:
            started = facts_of(await client.call_tool("start", {"task": TASK, "wait_s": 45}))
            given = facts_of(await client.call_tool("run_token", {"session": started["session"]}))
        yield Server(url, bearer(given["token"]))


def assert_attempted(
    model: Model, folder: Path, *, besides: AbstractSet[str] = frozenset(), told: Sequence[str] = ANSWERS
) -> None:
    """Each call of the script was made and answered, with no tools at hand but ours and those `besides`."""
    offered = {name for request in model.requests for name in request.offered}
    assert offered == OURS | besides, offered ^ (OURS | besides)
    answers = model.asked[-1].results
    assert len(answers) == len(told), answers
    for expected, answer in zip(told, answers, strict=True):
        assert expected in answer, answer
    assert_scored(folder)


def assert_scored(folder: Path) -> None:
    """The one attempt on a data folder got the score that it deserved."""
    with Store.open(folder / "data") as store:
        (row,) = store.scores.of_task(TASK)
    error = row.score.standard_error["score"]
    assert 0 < error < 0.02, row.score
    assert abs(row.score.scores["score"] - BEST) < 4.5 * error, row.score
