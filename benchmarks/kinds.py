"""The kinds of sessions that come to a simulated cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pretence import METRIC

from mlgym_mcp.sandbox.base import GIB, Limits

FILE = "answer.txt"
"""What is submitted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Sessions on one task. Memory in bytes."""

    name: str
    share: float
    """Of all sessions."""
    cpus: int
    memory: int
    gpus: int

    @property
    def task(self) -> str:
        """The id of its task."""
        return f"{self.name}-v1"

    def document(self) -> dict[str, Any]:
        """The task's description. Its GPUs are left out: on a cluster they come with a place, not from the server."""
        return {
            "id": self.task,
            "title": self.name,
            "domain": "simulation",
            "environment": {"profile": "plain"},
            "resources": {"cpus": self.cpus, "memory": self.memory, "disk": GIB},
            "budget": {"steps": 50, "command_time": 12 * 3600, "wall_time": 12 * 3600},
            "submission": {"files": [FILE], "kind": "data", "max_size": "1MiB"},
            "metrics": [{"name": METRIC, "goal": "maximize", "ranks": True}],
            "baselines": {"full": {"strict": {METRIC: 0.5}}, "sample": {METRIC: 0.5}},
            "target": {"value": 1.0, "source": "the ceiling"},
            "comparable": {"value": False, "why": "nothing was published"},
        }


KINDS = (
    Kind("small", 0.70, 2, 8 * GIB, 0),
    Kind("medium", 0.25, 8, 64 * GIB, 1),
    Kind("large", 0.05, 32, 256 * GIB, 4),
)


def kind_of(limits: Limits) -> Kind:
    """Which kind of session a sandbox is for: no two have the same limits."""
    return next(kind for kind in KINDS if kind.memory == limits.memory)


def write_tasks(folder: Path) -> None:
    """Write the task of each kind."""
    for kind in KINDS:
        place = folder / kind.task
        place.mkdir(parents=True)
        texts = {"brief.md": "", "data.py": "", "grader.py": "", "task.yaml": yaml.safe_dump(kind.document())}
        for name, text in texts.items():
            (place / name).write_text(text)
