"""Pruning beside a server with real sandboxes, and starting again where everything was pruned."""

from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from mlgym_mcp.pruning.mounts import Mounts
from mlgym_mcp.store import Store
from tests.cli.terminal import printed
from tests.gateway import Gateway, open_gateway, text
from tests.pruning.ages import LONG_AGO, aged

GAME = "battle-of-the-sexes-v1"
STRATEGY = "def row_strategy(history):\n    return 0\n"
LIMIT = 120
"""Seconds for everything a test waits for; far more than it takes."""


async def pruned(root: Path, *options: str) -> str:
    """What pruning to the last byte says, once everything was last used long ago."""
    for path in root.glob("data/*/**/*"):
        if "sandboxes" not in path.parts and path.exists():
            aged(path)
    with Store.open(root / "data") as store:
        store.database.change("UPDATE sessions SET closed_at = :at WHERE closed_at IS NOT NULL", {"at": LONG_AGO})
    arguments = ("prune", "--max-size", "0B", "--submitted", *options, "--data-dir", str(root / "data"))
    return await to_thread.run_sync(partial(printed, *arguments, MLGYM_MCP_CACHE_DIR=str(root / "cache")))


async def attempt(gateway: Gateway) -> str:
    """A session that is ready to be scored."""
    session = await gateway.start(GAME)
    await gateway.create(session, "strategy.py", STRATEGY)
    return session


async def told(gateway: Gateway, tool: str, **arguments: str) -> str:
    return text(await gateway.client.call_tool(tool, arguments))


async def test_a_session_goes_on_while_all_else_is_pruned_and_after_that_one_starts_again(
    tmp_path: Path, cache_dir: Path
) -> None:
    with anyio.fail_after(LIMIT):
        async with open_gateway(tmp_path / "data", cache_dir, tools="checkpoints,evaluation") as gateway:
            over, live = await attempt(gateway), await attempt(gateway)
            await gateway.call("checkpoint", session=over)
            await gateway.score("validate", over)
            await gateway.call("end", session=over)
            await pruned(tmp_path)
            [data] = tmp_path.glob("data/prepared/*/*-*/")
            assert Mounts.now().hold(data)
            assert "Checkpoint 'c1' was pruned on" in await told(gateway, "fork", session=over, checkpoint="c1")
            assert "artefact was pruned on" in await told(gateway, "score_best", session=over)
            assert (await gateway.score("submit", live))["outcome"] == "scored"
        assert not Mounts.now().hold(data)
        assert "0 B" in (await pruned(tmp_path, "--sessions")).splitlines()[1]
        assert not data.exists()
        async with open_gateway(tmp_path / "data", cache_dir) as gateway:
            await attempt(gateway)
