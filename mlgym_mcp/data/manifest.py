"""What prepared data was when it was made, so that it can be told whether it still is."""

import json
from collections.abc import Iterator
from pathlib import Path

from mlgym_mcp.data.unpacking import content_of

NAME = "manifest.json"


def write_manifest(folder: Path) -> None:
    """Record every file below a folder of prepared data."""
    (folder / NAME).write_text(json.dumps(_contents(folder), indent=0), encoding="utf-8")


def differences(folder: Path) -> Iterator[str]:
    """In what a folder of prepared data is not what it was; nothing where it still is."""
    try:
        recorded = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"it has no record of what it was ({type(error).__name__})"
        return
    found = _contents(folder)
    for name in sorted(recorded.keys() | found.keys()):
        if name not in found:
            yield f"{name} is gone"
        elif name not in recorded:
            yield f"{name} is new"
        elif recorded[name] != found[name]:
            yield f"{name} has other bytes"


def _contents(folder: Path) -> dict[str, str]:
    files = [path for top in ("public", "hidden") for path in sorted((folder / top).rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): content_of(path).sha256 for path in files}
