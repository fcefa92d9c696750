"""What an environment is made of: the task, how it is played, and where."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mlgym_clients.gym.place import Place
from mlgym_clients.records.task import Protocol


class Setup(BaseModel):
    """The options of an environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    actions: Literal["text", "tool"] = "text"
    """`text`: a shell command, or the word `validate` or `submit` alone. `tool`: a tool and its arguments."""
    reward: Literal["change", "final"] = "change"
    """`change`: by how much a score moved the task's reward, so that an episode's sum is that of its end. `final`: all
    of it at the end."""
    flavour: Literal["auto", "full", "sample"] | None = None
    protocol: Protocol | None = None
    steps: int | None = None
    """Fewer than the task gives."""
    wall_time: float | None = None
    """Seconds; less than the task gives."""
    url: str | None = None
    """A server over HTTP that runs already, such as `http://127.0.0.1:8765`; without it one is started, which all
    environments of the process with the same options share."""
    token: str | None = None
    """What that server asks for."""
    data_dir: Path | None = None
    sandbox: str | None = None
    serve: tuple[str, ...] = ()
    """More options of `mlgym-mcp serve` for the server that is started: `("--max-sessions", "32")` for more than 16."""

    @classmethod
    def of(cls, task: str, options: Mapping[str, Any]) -> "Setup":
        """The setup that has these options.

        Raises:
            ValueError: there is no such option, or its value is not what it should be.
        """
        try:
            return cls(task=task, **options)
        except ValidationError as error:
            first = error.errors()[0]
            name = first["loc"][0]
            if name not in cls.model_fields:
                raise ValueError(f"there is no option {name!r}; there are: {', '.join(cls.model_fields)}.") from None
            raise ValueError(f"the option {name!r} can't be {first['input']!r}: {first['msg']}.") from None

    @property
    def place(self) -> Place:
        """Where sessions are opened."""
        if self.url is not None:
            return Place(self.url.rstrip("/").removesuffix("/mcp"), self.token)
        # A server allows `strict` in any case.
        protocol = self.protocol if self.protocol != "strict" else None
        given = {"--data-dir": self.data_dir, "--sandbox": self.sandbox, "--protocol": protocol}
        options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
        return Place(options=(*options, *self.serve))

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `start`."""
        given = {name: getattr(self, name) for name in ("task", "flavour", "protocol", "steps", "wall_time")}
        return {name: value for name, value in given.items() if value is not None}
