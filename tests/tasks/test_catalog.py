"""The catalogue finds tasks by id, in order of its directories, and reads them when asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgym_mcp.errors import TaskSpecError, UnknownTask
from mlgym_mcp.tasks.catalog import Catalog
from tests.fakes import write_task

SHIPPED = Path(__file__).parents[2] / "tasks"


def test_the_shipped_tasks_are_well_formed() -> None:
    tasks = Catalog([SHIPPED]).list()
    assert {"battle-of-the-sexes-v1", "image-classification-fmnist-v1"} <= {task.id for task in tasks}
    for task in tasks:
        assert task.baseline_files() and len(task.brief) > 500


def test_tasks_are_listed_by_domain() -> None:
    catalog = Catalog([SHIPPED])
    assert {task.domain for task in catalog.list("game-theory")} == {"game-theory"}
    assert catalog.list("astrology") == ()


def test_an_unknown_task_is_refused_with_the_nearest() -> None:
    catalog = Catalog([SHIPPED])
    with pytest.raises(UnknownTask, match="did you mean 'battle-of-the-sexes-v1'"):
        catalog.get("battleOfSexes")
    with pytest.raises(UnknownTask, match="there are: .*battle-of-the-sexes-v1"):
        catalog.get("???")
    with pytest.raises(UnknownTask):
        catalog.get("../tasks/battle-of-the-sexes-v1")


def test_the_earlier_directory_wins_and_a_broken_task_hurts_only_when_asked_for(
    write_files: Callable[[dict[str, str]], Path],
) -> None:
    own = write_files({"battle-of-the-sexes-v1/task.yaml": "id: broken"})
    catalog = Catalog([own, SHIPPED, own / "absent"])
    assert len(catalog.ids()) == len(Catalog([SHIPPED]).ids())
    assert catalog.get("image-classification-fmnist-v1").folder.parent == SHIPPED
    with pytest.raises(TaskSpecError):
        catalog.get("battle-of-the-sexes-v1")
    assert "battle-of-the-sexes-v1" not in [task.id for task in catalog.list()]
    [(broken, reason)] = catalog.broken().items()
    assert broken == "battle-of-the-sexes-v1" and "lacks brief.md" in reason


def test_a_task_that_is_mended_is_listed_again(write_files: Callable[[dict[str, str]], Path]) -> None:
    folder = write_files({"tasks/mended-v1/task.yaml": "id: broken"}) / "tasks"
    catalog = Catalog([folder])
    assert list(catalog.broken()) == ["mended-v1"] and catalog.list() == ()
    write_task(folder, id="mended-v1")
    assert [task.id for task in catalog.list()] == ["mended-v1"] and catalog.broken() == {}


def test_a_task_is_read_once() -> None:
    catalog = Catalog([SHIPPED])
    assert catalog.get("battle-of-the-sexes-v1") is catalog.list("game-theory")[0]
