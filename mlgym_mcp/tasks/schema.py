"""The JSON Schema of a task.yaml, for editors and other programs."""

from typing import Any

from mlgym_mcp.tasks.document import OWN
from mlgym_mcp.tasks.spec import TaskSpec


def task_schema() -> dict[str, Any]:
    """The schema of one task.yaml; what the fields must be together is checked by `TaskSpec.load` alone."""
    schema = TaskSpec.model_json_schema()
    for name in OWN:
        del schema["properties"][name]
    needed = [name for name in schema.pop("required") if name not in OWN]
    described = "A task of mlgym-mcp. A variant, which has `extends`, needs only its id and what differs."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "task.yaml",
        "description": described,
        "required": ["id"],
        "anyOf": [{"required": ["extends"]}, {"required": needed}],
    }
