"""The description of a task."""

from collections.abc import Mapping
from typing import Any

from mlgym_mcp.tasks import measures, source, spec
from mlgym_mcp.tasks.schema import task_schema
from reference.markdown import code, kind, sections, table
from reference.settings import meanings

SIZE = "bytes, or a size such as `8GiB`"


def written() -> str:
    """Every field, from the schema that editors use; what it means, from the code that reads it."""
    schema = task_schema()
    needed = next(one["required"] for one in schema["anyOf"] if one["required"] != ["extends"])
    parts = [_fields("TaskSpec", schema, needed)]
    for name, part in schema["$defs"].items():
        if "properties" in part:
            parts.append(f"## {name}\n\n{part['description']}\n\n{_fields(name, part, part.get('required', []))}")
    return sections(parts)


def _fields(name: str, part: Mapping[str, Any], needed: list[str]) -> str:
    told = meanings(next(vars(module)[name] for module in (spec, measures, source) if name in vars(module)))
    rows = [
        (code(field), _kind(schema), "needed" if field in needed else _default(schema), told[field])
        for field, schema in part["properties"].items()
    ]
    return table(("field", "value", "default", "meaning"), rows)


def _kind(schema: Mapping[str, Any]) -> str:
    return SIZE if "GiB" in str(schema) else kind(schema)


def _default(schema: Mapping[str, Any]) -> str:
    match schema.get("default"):
        case None | [] | dict():
            return ""
        case [*values]:
            return ", ".join(map(code, values))
        case value:
            return code(str(value).lower())
