"""The protocol `mlgym`, end to end: both tools measure on all of the original's examples, as the original did."""

from pathlib import Path

import pytest

from mlgym_mcp.sessions.leaderboard import leaderboard
from mlgym_mcp.store import Store
from mlgym_mcp.tasks.spec import TaskSpec
from tests.gateway import open_gateway

SEXES = "battle-of-the-sexes-v1"
TASK = TaskSpec.load(Path(__file__).parents[2] / "tasks" / SEXES)
STRATEGY = "def row_strategy(history):\n    return 1\n"


async def test_validate_and_submit_and_the_originals_examples_come_to_the_same(tmp_path: Path, cache_dir: Path) -> None:
    async with open_gateway(tmp_path, cache_dir, protocol="mlgym") as gateway:
        session = await gateway.start(SEXES)
        await gateway.create(session, "strategy.py", STRATEGY)
        validated = await gateway.score("validate", session)
        submitted = await gateway.score("submit", session)
    assert validated["scores"] == submitted["scores"] == submitted["upstream_scores"]
    assert validated["standard_error"] == submitted["standard_error"] == submitted["upstream_standard_error"]
    assert (validated["upstream_scores"], validated["protocol"], submitted["protocol"]) == (None, "mlgym", "mlgym")
    # Held against what the original published for its baseline, not against what `strict` measures.
    assert submitted["baseline"] == {"score": 1.0227}
    assert submitted["reward"] == pytest.approx((submitted["scores"]["score"] - 1.0227) / (1.44 - 1.0227))
    with Store.open(tmp_path) as store:
        board = leaderboard(store, TASK)
    assert [len(group.entries) for group in board.groups] == [0, 1, 0, 0]
    assert board.group("full", "mlgym").baseline == {"score": 1.0227}
