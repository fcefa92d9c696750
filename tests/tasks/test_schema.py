"""The JSON Schema of task.yaml: published as it is, and true of the tasks that there are."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mlgym_mcp.tasks.schema import task_schema
from tests.cli.terminal import printed
from tests.fakes import DOCUMENT

REPOSITORY = Path(__file__).parents[2]
PUBLISHED = REPOSITORY / "docs/task.schema.json"
DESCRIPTIONS = [
    *(REPOSITORY / "tasks").glob("*/task.yaml"),
    *(REPOSITORY / "mlgym_mcp/tasks/templates").glob("*/task.yaml"),
]


def problems(document: object) -> list[str]:
    return [error.message for error in Draft202012Validator(task_schema()).iter_errors(document)]


def test_the_published_schema_is_the_one_that_is_printed() -> None:
    assert json.loads(PUBLISHED.read_text()) == task_schema() == json.loads(printed("tasks", "schema"))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(task_schema())


@pytest.mark.parametrize("path", DESCRIPTIONS, ids=lambda path: path.parent.name)
def test_every_task_is_as_the_schema_says(path: Path) -> None:
    assert problems(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"folder": "/etc"}, "'folder' was unexpected"),
        ({"id": "Toy"}, "'Toy' does not match"),
        ({"resources": {"memory": "1GB", "disk": "1GiB"}}, "'1GB' is not valid"),
        ({"submission": {"files": [], "kind": "data", "max_size": "1MiB"}}, "[] should be non-empty"),
    ],
)
def test_a_field_that_is_not_as_expected_is_told(changes: dict[str, object], message: str) -> None:
    assert any(message in problem for problem in problems({**DOCUMENT, **changes}))


def test_only_a_variant_may_leave_fields_out() -> None:
    assert problems({"id": "toy-bare-v1", "extends": "toy-v1"}) == []
    assert problems({"id": "toy-bare-v1"}) != []
