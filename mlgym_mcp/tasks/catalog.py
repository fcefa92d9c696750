"""The catalogue: the tasks of several folders, read when first asked for."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import structlog

from mlgym_mcp import assets
from mlgym_mcp.errors import TaskSpecError, UnknownTask
from mlgym_mcp.tasks.spec import TaskSpec

log = structlog.get_logger()


class Catalog:
    """Finds tasks by id. Where two directories hold the same id, the earlier directory's task is the one."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directory.resolve() for directory in directories)
        self._loaded: dict[str, TaskSpec] = {}
        self._broken: dict[str, str] = {}

    @classmethod
    def with_shipped(cls, directories: Sequence[Path]) -> "Catalog":
        """The shipped tasks, and before them those of these directories."""
        return cls([*directories, assets.folder("tasks")])

    def ids(self) -> tuple[str, ...]:
        """The ids of all tasks, sorted; reads none of them."""
        return tuple(sorted(self._folders()))

    def get(self, task_id: str) -> TaskSpec:
        """The task with that id.

        Raises:
            UnknownTask: there is none; names the nearest.
            TaskSpecError: its folder is not well-formed.
        """
        if task_id not in self._loaded:
            self._loaded[task_id] = TaskSpec.load(self._folder(task_id))
        return self._loaded[task_id]

    def list(self, domain: str | None = None) -> tuple[TaskSpec, ...]:
        """All tasks by id, or those of one domain; without those of `broken`."""
        tasks = tuple(task for task_id in self.ids() if (task := self._well_formed(task_id)) is not None)
        return tuple(task for task in tasks if domain in (None, task.domain))

    def broken(self) -> dict[str, str]:
        """The tasks that `list` passes over, for their folders are not well-formed: id → what is wrong."""
        self.list()
        return {task_id: self._broken[task_id] for task_id in self.ids() if task_id in self._broken}

    def _well_formed(self, task_id: str) -> TaskSpec | None:
        try:
            task = self.get(task_id)
        except TaskSpecError as error:
            if self._broken.get(task_id) != str(error):
                log.warning("task_passed_over", task=task_id, reason=str(error))
            self._broken[task_id] = str(error)
            return None
        self._broken.pop(task_id, None)
        return task

    def _folder(self, task_id: str) -> Path:
        folders = self._folders()
        if task_id in folders:
            return folders[task_id]
        nearest = get_close_matches(task_id, folders, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"there are: {', '.join(sorted(folders)) or 'none'}."
        raise UnknownTask(f"There is no task {task_id!r}; {hint}")

    def _folders(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for directory in self._directories:
            for description in directory.glob("*/task.yaml"):
                found.setdefault(description.parent.name, description.parent)
        return found
