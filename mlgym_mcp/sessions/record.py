"""Replies and requests as JSON that a person can read and that gives the same value back.

Bytes that are UTF-8 become text; others become an object with their base64.
"""

import base64
import json
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")

BINARY = "$base64"


def to_json(value: object) -> str:
    """A dataclass, or what JSON knows, as JSON."""
    return json.dumps(_plain(value), ensure_ascii=False)


def from_json(kind: type[T], text: str) -> T:
    """The dataclass that `to_json` was given."""
    return TypeAdapter(kind).validate_python(json.loads(text, object_hook=_restore))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {BINARY: base64.b64encode(value).decode()}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _restore(found: dict[str, Any]) -> Any:
    return base64.b64decode(found[BINARY]) if found.keys() == {BINARY} else found
