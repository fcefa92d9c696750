"""The files of a task: those of its own folder, and of the task that it extends."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A task's folder among the others of its catalogue."""

    own: Path
    parent: Path | None
    """The folder of the task that this one extends: has the files that this one lacks."""

    def file(self, name: str) -> Path:
        """A file or folder by its name: a variant's own, else its parent's."""
        own = self.own / name
        return own if self.parent is None or own.exists() else self.parent / name

    def files(self) -> dict[str, Path]:
        """All files: place in the folder → file. A parent's task.yaml counts as `extends/task.yaml`."""
        found = by_place(self.own)
        if self.parent is not None:
            own = {place.split("/")[0] for place in found}
            inherited = {place: path for place, path in by_place(self.parent).items() if place.split("/")[0] not in own}
            found |= {**inherited, "extends/task.yaml": self.parent / "task.yaml"}
        return found

    def layer(self, name: str) -> Path:
        """A folder by its name, or another task's as `other-task-v1/starter`."""
        return self.own.parent / name if "/" in name else self.file(name)

    def borrowed(self, layers: Iterable[str]) -> dict[str, Path]:
        """The files of those layers that are another task's: `other-task-v1/starter/place` → file."""
        others = (name for name in layers if "/" in name)
        return {f"{name}/{place}": path for name in others for place, path in by_place(self.layer(name)).items()}

    def laid(self, layers: Iterable[str]) -> dict[str, Path]:
        """What lies where the files of these folders are put into one, later ones over earlier: place → file."""
        found: dict[str, Path] = {}
        for name in layers:
            found |= by_place(self.layer(name))
        return dict(sorted(found.items()))


def by_place(folder: Path) -> dict[str, Path]:
    """All files below a folder, but for caches of Python: place in it → file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in files}
