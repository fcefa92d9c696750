"""What a run is asked to be: a YAML file, options of the command line, or both."""

from collections.abc import Mapping
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from mlgym_clients.agents.registry import ALONE
from mlgym_clients.records.run import AgentSpec, Limits
from mlgym_clients.records.task import Protocol

SAFE = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""Names that a folder can have."""
LONGEST = 300
"""Characters of what a message quotes."""


class BadPlan(Exception):
    """Raised where a run can't be made of what was asked for; says where, and what there is."""


def _spread(value: object) -> object:
    """An agent as people write it: a kind, or a kind and its options side by side."""
    if isinstance(value, str):
        return {"name": value, "kind": value}
    if not isinstance(value, dict):
        return value
    rest = {name: item for name, item in value.items() if name not in ("name", "kind", "options")}
    options = value.get("options", {})
    if not isinstance(options, dict):
        return value
    return {"name": value.get("name", value.get("kind")), "kind": value.get("kind"), "options": {**options, **rest}}


def _without_path(value: object) -> object:
    """An address as a server tells it: with its endpoint."""
    return value.removesuffix("/").removesuffix("/mcp") if isinstance(value, str) else value


class Plan(BaseModel):
    """Everything that can be said of a run. Durations in seconds, cost in US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, pattern=f"^{SAFE}$")
    tasks: tuple[str, ...] = Field(min_length=1)
    """Ids, domains, or `all`."""
    agents: tuple[Annotated[AgentSpec, BeforeValidator(_spread)], ...] = Field(min_length=1)
    """`baseline`, or `{kind: …, name: …}` with options of its kind beside them."""
    attempts: int = Field(default=4, ge=1)
    """Of each agent at each task."""
    concurrency: int | None = Field(default=None, ge=1)
    """Attempts at once; 2 where nothing is said, 1 where somebody attempts by hand."""
    steps: int | None = Field(default=50, ge=1)
    """A task's own budget holds besides."""
    wall_time: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    protocol: Protocol = "strict"
    flavour: Literal["auto", "full", "sample"] = "auto"
    seed: int = 0
    sandbox: Literal["auto", "docker", "bubblewrap"] | None = None
    data_dir: Path | None = None
    tasks_dirs: tuple[Path, ...] = ()
    url: Annotated[str | None, BeforeValidator(_without_path)] = Field(default=None, pattern=r"^https?://[^/]+$")
    """A server that runs already, `http://127.0.0.1:8765`; one of our own where none is named."""

    @field_validator("agents", mode="after")
    @classmethod
    def _told_apart(cls, agents: tuple[AgentSpec, ...]) -> tuple[AgentSpec, ...]:
        import re

        names = [agent.name for agent in agents]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two agents are called {name!r}; give one of them a `name` of its own")
            if not re.fullmatch(SAFE, name):
                raise ValueError(f"{name!r} can't name a folder; letters, digits, dots, hyphens and underscores can")
        return agents

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else _expanded(path)

    @field_validator("tasks_dirs", mode="after")
    @classmethod
    def _all_absolute(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(map(_expanded, paths))

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.by_hand and self.places > 1:
            raise ValueError("who attempts by hand does so one task at a time; leave `concurrency` out, or make it 1")
        return self

    @property
    def by_hand(self) -> bool:
        """Whether an agent needs the terminal, and that nobody else attempts anything meanwhile."""
        return any(agent.kind in ALONE for agent in self.agents)

    @property
    def places(self) -> int:
        """How many attempts are made at once."""
        return self.concurrency or (1 if self.by_hand else 2)

    @property
    def limits(self) -> Limits:
        """What one attempt may use."""
        return Limits(steps=self.steps, wall_time=self.wall_time, tokens=self.tokens, cost=self.cost)

    @classmethod
    def read(cls, file: Path | None, options: Mapping[str, Any]) -> "Plan":
        """The plan of a file, with options over it; those that are None don't count.

        Raises:
            BadPlan: the file can't be read, or something in it or among the options is not what was expected.
        """
        given = {name: value for name, value in options.items() if value is not None}
        try:
            return cls.model_validate({**(_document(file) if file else {}), **given})
        except ValidationError as error:
            raise BadPlan(_explained(error, file, given)) from None


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("should be a folder; after `~` stands a user of this machine, or nothing") from None


def _document(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # also a date without a month
        raise BadPlan(f"the plan {file} can't be read: {' '.join(str(error).split())[:LONGEST]}.") from None
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise BadPlan(f"the plan {file} should be a mapping with `tasks` and `agents`.")
    return document


def _explained(error: ValidationError, file: Path | None, given: Mapping[str, object]) -> str:
    first = error.errors()[0]
    if not first["loc"]:
        return f"{file or 'the plan'}: {first['msg'].removeprefix('Value error, ')}."
    place, name = ".".join(map(str, first["loc"])), str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"{file or 'the plan'} has no place for {place[:LONGEST]!r}; there are: {', '.join(Plan.model_fields)}."
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"say which {name} to run, in a plan or with --{name.removesuffix('s')}."
    where = f"--{name.replace('_', '-')}" if name in given else f"{place[:LONGEST]!r} in {file}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}; got {_quoted(first['input'])}."


def _quoted(value: object) -> str:
    """A value as Python writes it, as far as one reads on: a few lines of YAML can stand for gigabytes."""
    quotes = Repr()
    quotes.maxlevel, quotes.maxstring, quotes.maxother = 2, LONGEST, LONGEST
    try:
        return quotes.repr(value)
    except ValueError:  # of so many digits Python writes none
        return "an enormous number"
