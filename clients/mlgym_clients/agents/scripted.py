"""The agent `scripted`: makes the calls of a YAML document, whatever is answered.

```yaml
- bash: {command: python3 baseline.py}
- edit: {command: create, path: strategy.py, file_text: …}
- validate
- submit
```

Instead of a list, a mapping from task ids to lists; `all` is for the tasks that it does not name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mlgym_clients.agents.agent import Agent, BadOptions, Ending, Seat
from mlgym_clients.agents.bench import use
from mlgym_clients.workbench import Refused

EVERY = "all"
FORM = (
    "a list of calls such as `- bash: {command: ls}` or `- submit`, or a mapping from task ids, or `all`, to such lists"
)


def _call(value: object) -> object:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        [(tool, arguments)] = value.items()
        return tool, arguments or {}
    return value


Call = Annotated[tuple[str, dict[str, Any]], BeforeValidator(_call)]


class Options(BaseModel):
    """One of the two."""

    model_config = ConfigDict(extra="forbid")

    file: Path | None = None
    calls: list[Call] | dict[str, list[Call]] | None = None


@dataclass(frozen=True)
class Scripted:
    """Calls by task."""

    calls: Mapping[str, Sequence[tuple[str, dict[str, Any]]]]

    async def attempt(self, seat: Seat) -> Ending:
        """Make the calls in turn; jobs and scores are waited for, refusals passed over."""
        for tool, arguments in self.calls.get(seat.task.id, self.calls.get(EVERY, ())):
            try:
                await use(seat.client, tool, arguments)
            except Refused:
                continue
        return Ending()


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: there are no calls among the options, or not in their form.
    """
    try:
        given = Options(**options)
        if (given.file is None) == (given.calls is None):
            raise BadOptions("the agent `scripted` needs one of the options `file` and `calls`.")
        calls = given.calls if given.file is None else Options(calls=_read(given.file)).calls
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadOptions(f"the option {place!r} of the agent `scripted` is not {FORM}: {first['msg']}.") from None
    assert calls is not None
    return Scripted(calls if isinstance(calls, dict) else {EVERY: calls})


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadOptions(f"the calls of {file} can't be read: {' '.join(str(error).split())}.") from None
