"""A task: one folder of the catalogue, described by its task.yaml."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from mlgym_mcp.errors import TaskSpecError
from mlgym_mcp.excerpt import excerpt
from mlgym_mcp.tasks.document import ID, LONGEST_ID, read_document
from mlgym_mcp.tasks.folder import TaskFolder
from mlgym_mcp.tasks.measures import Baselines, Comparable, Metric, Part, PublishedScore, Scores, Target
from mlgym_mcp.tasks.network import Network, Reach
from mlgym_mcp.tasks.source import Source

_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?(B|KiB|MiB|GiB)")
_LARGEST = 2**53
"""Bytes: more than any machine has, and what every kernel and engine can be told."""
MOST_PROBLEMS = 20
"""Of a file that are told at once."""
_REQUIRED_FILES = ("brief.md", "data.py", "grader.py")


def parse_size(value: object) -> object:
    """`8GiB` → bytes; what isn't text is left to the field's own check."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("should be a size such as 512MiB or 8GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def _relative(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{value!r} is not a path below the workspace")
    return value


_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": _LARGEST},
        {"type": "string", "pattern": f"^{_SIZE.pattern}$"},
    ]
}
Size = Annotated[PositiveInt, Field(le=_LARGEST), BeforeValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)]
RelativePath = Annotated[str, AfterValidator(_relative)]
Layer = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,100}/)?[A-Za-z0-9_-]{1,100}$")]


class Environment(Part):
    """What the task's sandboxes have installed: a profile of `mlgym-mcp env list`."""

    profile: str
    """Such as `plain`, `base`, `torch` or `jax`."""


class Resources(Part):
    """What the session's sandbox may use. Sizes in bytes."""

    cpus: PositiveFloat = 2
    """CPUs, as many or a part of one."""
    memory: Size
    """All that its processes use together."""
    disk: Size
    """The workspace and all outputs of commands."""
    shm: Size = 64 * 1024**2
    """Of `/dev/shm`."""
    gpus: NonNegativeInt = 0
    """GPUs that a session gets unless its `start` says otherwise."""
    labels: dict[str, str] = {}
    """What the node must be labelled with where sessions run on a cluster, such as the model of its GPUs."""
    network: Reach = Network()
    """What the session's sandbox may reach; data.py, judge and contestants reach nothing."""


class Budget(Part):
    """What one session may spend. Times in seconds; None: no limit of its own."""

    steps: PositiveInt = 50
    """Calls that cost a step."""
    command_time: PositiveFloat = 1800
    """How long one command may run."""
    wall_time: PositiveFloat = 43200
    """How long the session may last."""
    validations: PositiveInt | None = None
    """How often it may validate."""


class Submission(Part):
    """What is packed and graded: files or folders of the workspace."""

    files: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    """Their paths in the workspace."""
    kind: Literal["data", "code", "policy", "model"]
    """`code`, `policy` (code with checkpoints) and `model` (weights, perhaps with code) may run in contestants."""
    max_size: Size
    """Of all of them together."""


class Scoring(Part):
    """How grading runs. Times in seconds."""

    exclusive: bool = False
    """Whether nothing else is scored meanwhile: for tasks that measure time."""
    time_limit: PositiveFloat = 600
    """How long a grading may take."""


class TaskSpec(Part):
    """A task.yaml and the folder it lies in."""

    folder: Path = Field(exclude=True)
    """Where the task.yaml lies; not written in it."""
    parent: Path | None = Field(default=None, exclude=True)
    """The folder of the task that this one extends: has the fields and the files that this one lacks."""
    extends: str | None = None
    """The id of a task in the same folder of tasks, of which this is a variant."""
    id: Annotated[str, Field(pattern=ID, max_length=LONGEST_ID)]
    """Lower-case words and a version, such as `my-task-v1`; the folder's name."""
    title: str
    """What people read."""
    domain: str
    """A word by which tasks are found, such as `computer-vision`."""
    environment: Environment
    """What its sandboxes have installed."""
    resources: Resources
    """What a session's sandbox may use."""
    budget: Budget = Budget()
    """What a session may spend."""
    sources: tuple[Source, ...] = ()
    """Files of the full data."""
    starter: tuple[Layer, ...] = ("starter",)
    """Folders whose files the workspace starts with, later ones laid over earlier: this task's, such as `baseline`, or
    another's beside it, such as `other-task-v1/starter`."""
    submission: Submission
    """What is handed in."""
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    """What the grader measures; one of them ranks."""
    baselines: Baselines
    """What the baseline reaches."""
    target: Target
    """What earns a reward of 1."""
    comparable: Comparable
    """Whether scores may stand beside published ones."""
    published: dict[str, PublishedScore] = {}
    """What models of the original benchmark's paper scored, by their names."""
    scoring: Scoring = Scoring()
    """How grading runs."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and check a task's folder.

        Raises:
            TaskSpecError: a file is absent, or a field is not as expected; names each of them.
        """
        path = folder / "task.yaml"
        if not path.is_file():
            raise TaskSpecError(
                f"{folder}: the task's folder lacks {', '.join(_absent(('task.yaml', *_REQUIRED_FILES), folder))}"
            )
        document = read_document(folder)
        if absent := _absent(_REQUIRED_FILES, folder, document.parent):
            raise TaskSpecError(f"{folder}: the task's folder lacks {', '.join(absent)}")
        try:
            spec = cls.model_validate({**document.fields, "folder": folder, "parent": document.parent})
        except ValidationError as error:
            raise TaskSpecError("\n".join(f"{path}: {line}" for line in _problems(error))) from None
        if spec.id != folder.name:
            raise TaskSpecError(f"{path}: id: {spec.id!r} is expected to be the folder's name, {folder.name!r}")
        if absent := [name for name in spec.starter if name != "starter" and not spec._files.layer(name).is_dir()]:
            raise TaskSpecError(f"{path}: starter: there is no folder {', '.join(absent)}")
        return spec

    @property
    def ranking(self) -> Metric:
        """The metric that ranks."""
        return next(metric for metric in self.metrics if metric.ranks)

    @property
    def brief(self) -> str:
        """What the agent reads."""
        return self.file("brief.md").read_text(encoding="utf-8")

    @property
    def grader(self) -> Path:
        """The file that the judge runs."""
        return self.file("grader.py")

    @property
    def grader_hash(self) -> str:
        """SHA-256 of the grader as it is now."""
        return hashlib.sha256(self.grader.read_bytes()).hexdigest()

    @property
    def content_hash(self) -> str:
        """SHA-256 over the names and bytes of all files of the folder as they are now."""
        digest = hashlib.sha256()
        for place, path in self.files().items():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{place}\0{content}\n".encode())
        return digest.hexdigest()

    def file(self, name: str) -> Path:
        """A file or folder of the task by its name in the task's folder: a variant's own, else its parent's."""
        return self._files.file(name)

    def files(self) -> dict[str, Path]:
        """All that the task is made of: place → file. What it takes of other tasks has their ids before it."""
        return dict(sorted({**self._files.files(), **self._files.borrowed(self.starter)}.items()))

    def starter_files(self) -> dict[str, Path]:
        """What a session's workspace starts with: place in the workspace → file."""
        return self._files.laid(self.starter)

    def baseline_files(self) -> dict[str, Path]:
        """The baseline solution, laid over the starter files: place in the workspace → file."""
        return self._files.laid(["baseline"])

    @property
    def _files(self) -> TaskFolder:
        return TaskFolder(self.folder, self.parent)

    @model_validator(mode="after")
    def _metrics_agree(self) -> Self:
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names) or sum(metric.ranks for metric in self.metrics) != 1:
            raise ValueError("metrics: distinct names and exactly one `ranks: true` are expected")
        for place, scores in self._stated_baselines().items():
            if self.ranking.name not in scores or not scores.keys() <= set(names):
                raise ValueError(f"{place}: values for {self.ranking.name!r}, and for metrics only, are expected")
            if not self.ranking.better(self.target.value, scores[self.ranking.name]):
                raise ValueError(f"target.value: a better value than {place}'s is expected")
        return self

    @model_validator(mode="after")
    def _source_names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources: distinct names are expected")
        return self

    def _stated_baselines(self) -> Mapping[str, Scores]:
        full = self.baselines.full
        stated = {"baselines.full.strict": full.strict, "baselines.sample": self.baselines.sample}
        return stated if full.upstream is None else {**stated, "baselines.full.upstream": full.upstream}


def _absent(names: Iterable[str], *folders: Path | None) -> list[str]:
    return [name for name in names if not any((folder / name).is_file() for folder in folders if folder is not None)]


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False)[:MOST_PROBLEMS]:
        field = ".".join(str(part)[:LONGEST_ID] for part in problem["loc"])
        given = "" if isinstance(problem["input"], dict) else f" (given: {excerpt(problem['input'])})"
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{field}: {message}{given}" if field else message
