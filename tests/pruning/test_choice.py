"""What goes: the oldest first, by age and by size, and nothing that is needed or was used of late."""

import pytest

from mlgym_mcp.pruning.choice import FLOOR, Bounds, chosen
from mlgym_mcp.pruning.thing import Thing

NOW = 100 * FLOOR


async def stays(_: float) -> bool:
    return False


def thing(name: str, age: float, *, needed: bool = False) -> Thing:
    """A thing of ten bytes, last used so many floors ago."""
    return Thing("artefacts", name, 10, NOW - age * FLOOR, needed, stays)


THINGS = [thing("young", 0.5), thing("middle", 3), thing("old", 9), thing("needed", 9, needed=True), thing("older", 12)]


@pytest.mark.parametrize(
    ("bounds", "going"),
    [
        (Bounds(), []),
        (Bounds(older_than=5 * FLOOR), ["older", "old"]),
        (Bounds(older_than=FLOOR / 10), ["older", "old", "middle"]),
        (Bounds(max_size=50), []),
        (Bounds(max_size=49), ["older"]),
        (Bounds(max_size=25), ["older", "old", "middle"]),
        (Bounds(max_size=0), ["older", "old", "middle"]),
        (Bounds(older_than=10 * FLOOR, max_size=30), ["older", "old"]),
        (Bounds(older_than=5 * FLOOR, max_size=40), ["older", "old"]),
    ],
)
def test_things_go_by_age_and_then_oldest_first(bounds: Bounds, going: list[str]) -> None:
    assert [one.name for one in chosen(THINGS, bounds, NOW)] == going
