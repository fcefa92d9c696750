"""The little Markdown that the reference is made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def code(text: object) -> str:
    """What is typed, or read by a program."""
    return f"`{text}`"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their headings; nothing where there are none."""
    lines = [_line([_cell(cell) for cell in row]) for row in rows]
    return "\n".join([_line(columns), _line(["---"] * len(columns)), *lines]) + "\n" if lines else ""


def sections(parts: Iterable[str]) -> str:
    """Parts one below the other, without those that are empty."""
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def kind(schema: Mapping[str, Any]) -> str:
    """The kind of value that a JSON Schema describes, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(kind, choices)))
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    match schema.get("type"):
        case "array":
            return f"list of {kind(schema['items'])}"
        case "object":
            values = schema.get("additionalProperties")
            return f"name → {kind(values)}" if isinstance(values, dict) else "object"
        case found:
            return str(found)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
