"""`tasks new` makes whole tasks, and nothing where it can't."""

from pathlib import Path
from typing import get_args

import pytest

from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.scaffold import Kind
from tests.cli.terminal import printed, refused


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_new_task_is_in_the_catalogue_of_its_folder(tmp_path: Path, kind: str) -> None:
    said = printed("tasks", "new", "mine-v1", "--kind", kind, "--to", str(tmp_path / "tasks"))
    assert f"tasks check mine-v1 --tasks-dir {tmp_path / 'tasks'}" in said.replace("\n", "")
    [task] = Catalog([tmp_path / "tasks"]).list()
    assert (task.id, task.submission.kind) == ("mine-v1", kind)
    assert "my-task" not in (task.folder / "task.yaml").read_text()


@pytest.mark.parametrize("name", ["Mine", "mine", "mine-v0", "mine_v1", "../mine-v1"])
def test_a_name_that_is_no_id_makes_nothing(tmp_path: Path, name: str) -> None:
    assert "is no task id" in refused("tasks", "new", name, "--to", str(tmp_path / "tasks"))
    assert not list(tmp_path.rglob("task.yaml"))


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    printed("tasks", "new", "mine-v1", "--to", str(tmp_path))
    (tmp_path / "mine-v1/brief.md").write_text("My own words.")
    assert "is there already" in refused("tasks", "new", "mine-v1", "--to", str(tmp_path))
    assert (tmp_path / "mine-v1/brief.md").read_text() == "My own words."
