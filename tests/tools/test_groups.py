"""The optional groups: offered where the operator chose them, and within one session as far as they are of use."""

from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.tools.register import GROUPS
from tests.fakes import TASK, World
from tests.tools.stage import ERAS, Era, connected

OFFERED = {
    "checkpoints": {"checkpoint", "restore", "fork"},
    "evaluation": {"cut_off", "score_best"},
    "memory": {"memory_write", "memory_read"},
    "literature": {"search_papers", "read_paper"},
}
NOT_WITHIN = {"fork", "cut_off", "score_best"}


@pytest.mark.parametrize("era", ERAS)
async def test_groups_are_offered_where_they_were_chosen_and_within_one_session_for_agents_alone(
    tmp_path: Path, era: Era
) -> None:
    assert GROUPS.keys() == OFFERED.keys()
    everything = set().union(*OFFERED.values())
    chosen: list[tuple[dict[str, Any], set[str]]] = [
        ({"tools": ("memory",)}, OFFERED["memory"]),
        ({"tools": tuple(OFFERED)}, everything),
        ({"tools": tuple(OFFERED), "task": TASK}, everything - NOT_WITHIN),
    ]
    for settings, expected in chosen:
        async with connected(World(tmp_path), era=era, **settings) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools.keys() & everything == expected
            reaching = {name for name in expected if (hints := tools[name].annotations) and hints.open_world_hint}
            assert reaching == expected & OFFERED["literature"]
