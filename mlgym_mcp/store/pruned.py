"""What was pruned: a line of JSON each, appended to a file, so that whoever asks for it later is told."""

import json
from datetime import UTC, datetime
from pathlib import Path

from mlgym_mcp.store.files import append

FILE = "pruned.log"


class Pruned:
    """The file; all that prune one data folder share it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def add(self, kind: str, name: str, size: int) -> None:
        """Write down that this is pruned; size in bytes."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        append(self._file, json.dumps({"time": time, "kind": kind, "name": name, "size": size}) + "\n")

    def told(self, name: str) -> str | None:
        """What became of the last thing whose name begins so, to stand after its name; None if it wasn't pruned."""
        if not name or not self._file.is_file():
            return None
        times = [
            json.loads(line)["time"]
            for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines()
            if f'"name": "{name}' in line and line.endswith("}")  # the disk may have been full in the midst of it
        ]
        return f"was pruned on {times[-1][:10]} by `mlgym-mcp prune`" if times else None
