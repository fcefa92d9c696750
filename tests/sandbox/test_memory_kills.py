"""The kernel's count of the processes that a full memory has cost, in the words of both versions of cgroups."""

from pathlib import Path

import pytest
from memory_kills import COUNTERS, MemoryKills

from mlgym_mcp.sandbox.cgroups import MEMORY_KILLS


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("low 0\nhigh 0\nmax 55\noom 3\noom_kill 2\noom_group_kill 1\n", 2),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 17\n", 17),
        ("oom_kill_disable 1\nunder_oom 0\n", 0),
    ],
)
def test_the_count_is_read_in_either_version(said: str, count: int, tmp_path: Path) -> None:
    (tmp_path / "counter").write_text(said)
    assert MemoryKills([str(tmp_path / "absent"), str(tmp_path / "counter")]).count() == count


def test_where_nobody_counts_there_were_none(tmp_path: Path) -> None:
    assert MemoryKills([str(tmp_path / "absent")]).count() == 0


def test_host_and_guest_agree_on_where_the_count_stands() -> None:
    assert set(COUNTERS) == {target for _, target in MEMORY_KILLS.values()}
