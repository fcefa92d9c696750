"""The shelf: texts of papers that were read before, by their addresses; those longest unread go first."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

ROOM = 256 * 1024**2
"""Bytes of texts that are kept."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of texts."""

    folder: Path
    room: int = ROOM

    def get(self, address: str) -> str | None:
        """The text that was put here for an address."""
        place = self._place(address)
        try:
            text = place.read_text(encoding="utf-8")
            place.touch()
        except OSError:
            return None
        return text

    def put(self, address: str, text: str) -> None:
        """Keep a text, and as many of the others as there is room for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self._place(address)
        whole = place.with_suffix(".part")
        whole.write_text(text, encoding="utf-8")
        whole.replace(place)  # another server of this cache may read it now
        room = self.room
        for path, size in sorted(self._sizes(), key=lambda one: -one[0].stat().st_mtime_ns):
            room -= size
            if room < 0 and path != place:
                path.unlink(missing_ok=True)

    def _sizes(self) -> list[tuple[Path, int]]:
        return [(path, path.stat().st_size) for path in self.folder.glob("*.txt")]

    def _place(self, address: str) -> Path:
        return self.folder / f"{hashlib.sha256(address.encode()).hexdigest()}.txt"
