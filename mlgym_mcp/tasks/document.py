"""A task.yaml as it is written, and as it reads once what it extends is filled in."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlgym_mcp.errors import TaskSpecError
from mlgym_mcp.excerpt import excerpt

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C, where it is: a catalogue is read in a tenth of the time."""
ID = r"^[a-z0-9]+(-[a-z0-9]+)*-v[1-9][0-9]*$"
LONGEST_ID = 100
"""Characters; it names folders."""
OWN = {"folder", "parent"}
"""What is known from where a task.yaml lies and is never written in it."""


@dataclass(frozen=True, slots=True)
class Document:
    """The fields of a task, and the folder of the task that it extends, if it does."""

    fields: dict[str, Any]
    parent: Path | None


def read_document(folder: Path) -> Document:
    """Read a folder's task.yaml; a variant's fields stand in place of those of the task that it `extends`.

    Raises:
        TaskSpecError: a file is absent or is no mapping, or the extended task is itself a variant.
    """
    written = _read_yaml(folder / "task.yaml")
    if "extends" not in written:
        return Document(written, None)
    parent = folder.parent / _other_id(written["extends"], folder)
    if parent == folder or not (parent / "task.yaml").is_file():
        raise TaskSpecError(
            f"{folder / 'task.yaml'}: extends: {excerpt(written['extends'])} is not a task in {folder.parent}; "
            "name one of it"
        )
    inherited = _read_yaml(parent / "task.yaml")
    if "extends" in inherited:
        raise TaskSpecError(
            f"{folder / 'task.yaml'}: extends: {written['extends']!r} is a variant itself; "
            f"extend {excerpt(inherited['extends'])} in its place"
        )
    return Document({**inherited, **written}, parent)


def _other_id(extends: object, folder: Path) -> str:
    """The id that is named; the folder's own where none can be."""
    return extends if isinstance(extends, str) and len(extends) <= LONGEST_ID and re.match(ID, extends) else folder.name


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also a date without a month, a number too long
        raise TaskSpecError(f"{path}: it is not well-formed YAML: {error}") from None
    except OSError as error:
        raise TaskSpecError(f"{path}: it can't be read: {error.strerror}") from None
    if not isinstance(document, dict) or OWN & document.keys():
        raise TaskSpecError(f"{path}: a mapping of the documented fields is expected")
    return document
