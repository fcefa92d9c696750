"""Every task of the catalogue passes `tasks check` on its sample, and a new one of each kind on every backend."""

from pathlib import Path
from typing import get_args

import pytest

from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.scaffold import Kind, make
from mlgym_mcp.tasks.spec import TaskSpec
from tests.cli.terminal import ran
from tests.gateway import BACKENDS

SHIPPED = Catalog([Path(__file__).parents[2] / "tasks"])
VARIANT = "image-classification-cifar10-without-baseline-v1"
"""Like the task that it extends, file for file, and as long to train; the other variant is worked at for real."""
LONG = {
    "image-captioning-coco-v1",
    "image-classification-cifar10-v1",
    "rl-breakout-minatar-v1",
    "rl-mountain-car-continuous-v1",
}
"""Minutes each; of every kind and profile there is another, and what they measure is tested in tests/tasks."""


def marks(task: TaskSpec) -> list[pytest.MarkDecorator]:
    if task.id in LONG:
        return [pytest.mark.slow, pytest.mark.exhaustive]
    return [] if task.environment.profile == "plain" else [pytest.mark.slow]


TASKS = [pytest.param(task.id, marks=marks(task)) for task in SHIPPED.list() if task.id != VARIANT]
ON_DOCKER = ["battle-of-the-sexes-v1", "regression-house-price-v1"]
"""Code and data. Policies and models are tried there as new tasks, for which no image of a gigabyte is built."""


def passes(task: str, root: Path, cache: Path, sandbox: object) -> None:
    (root / "tasks").mkdir(exist_ok=True)
    folders = ("--tasks-dir", str(root / "tasks"), "--data-dir", str(root / "data"), "--sandbox", str(sandbox))
    ended = ran("tasks", "check", task, *folders, MLGYM_MCP_CACHE_DIR=str(cache))
    assert ended.exit_code == 0, (ended.output, ended.exception)
    assert "after submit" in ended.output


def test_no_task_of_the_catalogue_is_passed_over() -> None:
    assert SHIPPED.broken() == {}


@pytest.mark.parametrize("task", TASKS)
def test_a_shipped_task_passes(tmp_path: Path, cache_dir: Path, task: str) -> None:
    passes(task, tmp_path, cache_dir, "bubblewrap")


def test_the_variant_that_is_only_looked_at_has_what_its_parent_has() -> None:
    variant = SHIPPED.get(VARIANT)
    parent = SHIPPED.get(str(variant.extends))
    assert {place: variant.file(place) for place in parent.files() if place != "task.yaml"} == {
        place: parent.file(place) for place in parent.files() if place != "task.yaml"
    }
    assert (variant.starter_files(), variant.baseline_files()) == ({}, parent.baseline_files())
    assert ran("tasks", "check", VARIANT, "--lint-only").exit_code == 0


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("task", ON_DOCKER)
def test_a_shipped_task_passes_on_docker(tmp_path: Path, cache_dir: Path, task: str) -> None:
    passes(task, tmp_path, cache_dir, "docker")


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("sandbox", BACKENDS)
def test_a_new_task_passes_at_once(tmp_path: Path, cache_dir: Path, kind: Kind, sandbox: str) -> None:
    make("toy-v1", kind, tmp_path / "tasks")
    passes("toy-v1", tmp_path, cache_dir, sandbox)
