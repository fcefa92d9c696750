"""The facts of a run: what was to be attempted, by whom, under which limits."""

from typing import Any

from pydantic import Field

from mlgym_clients.records.attempt import AttemptKey
from mlgym_clients.records.record import Record
from mlgym_clients.records.task import Protocol, TaskFacts


class Limits(Record):
    """What one attempt may use; None: no limit besides the task's own."""

    steps: int | None = Field(default=50, ge=1)
    wall_time: float | None = Field(default=None, gt=0)
    """Seconds."""
    tokens: int | None = Field(default=None, ge=1)
    """A model's, in and out."""
    cost: float | None = Field(default=None, gt=0)
    """US dollars."""


class AgentSpec(Record):
    """An agent of a run: its name in tables, its kind, and that kind's options."""

    name: str
    kind: str
    options: dict[str, Any] = Field(default_factory=dict)


class RunFacts(Record):
    """A run as it was asked for, with what the server told of the tasks."""

    name: str
    created_at: float
    """Seconds since 1970."""
    tasks: tuple[TaskFacts, ...]
    agents: tuple[AgentSpec, ...]
    attempts: int = Field(default=4, ge=1)
    """Of each agent at each task."""
    protocol: Protocol = "strict"
    flavour: str = "auto"
    limits: Limits = Limits()
    seed: int = 0
    version: str = ""
    """Of mlgym-mcp."""

    @property
    def keys(self) -> list[AttemptKey]:
        """Every attempt of the matrix: first all tasks and agents once, then again."""
        return [
            AttemptKey(task.id, agent.name, number)
            for number in range(1, self.attempts + 1)
            for task in self.tasks
            for agent in self.agents
        ]

    def task(self, name: str) -> TaskFacts:
        """The task of an id."""
        return next(task for task in self.tasks if task.id == name)
