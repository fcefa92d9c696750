"""The agent `command`: any program that can use an MCP server over HTTP.

```yaml
kind: command
command: [my-agent, --mcp-config, "{config}", --prompt, "{prompt}"]
environment: [MY_API_KEY]
```

`{url}` is the session's MCP endpoint, `{config}` a JSON file that names it in the form `{"mcpServers": …}` which most
clients read, with the headers that it wants; `{prompt}` what to do, which comes on standard input too; `{workdir}` an
empty folder. Whether it has other hands than the session's tools is its own affair, and so is what it uses of a model:
nothing of its output is understood, and limits of tokens and cost don't hold it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mlgym_clients.agents.agent import Agent, BadOptions, Ending
from mlgym_clients.agents.options import checked
from mlgym_clients.agents.programs.agent import CONFIG, Place, ProgramAgent
from mlgym_clients.agents.programs.hearing import SERVER, Listener, Notes
from mlgym_clients.agents.programs.options import ProgramOptions
from mlgym_clients.agents.programs.surroundings import surroundings, where


class CommandOptions(ProgramOptions):
    """A command line and its environment."""

    command: tuple[str, ...] = Field(min_length=1)
    """A program and its arguments, with placeholders."""


@dataclass(frozen=True)
class Command:
    """A command line with placeholders."""

    options: CommandOptions
    path: str
    environment: Mapping[str, str]

    async def prepare(self, place: Place) -> tuple[Sequence[str], Mapping[str, str]]:
        """What stands for something in its place, in a fresh home."""
        seat = place.seat
        server = {"type": "http", "url": seat.url, "headers": dict(seat.headers)}
        config = place.write(CONFIG, json.dumps({"mcpServers": {SERVER: server}}))
        known = {"url": seat.url, "config": str(config), "workdir": str(place.workdir), "prompt": place.prompt}
        arguments = [_filled(argument, known) for argument in self.options.command[1:]]
        return [self.path, *arguments], {**self.environment, "HOME": str(place.home)}

    def listener(self, notes: Notes) -> Listener:
        """Nobody who understands it."""
        return CommandListener()


class CommandListener:
    """Understands nothing."""

    def hear(self, event: dict[str, Any]) -> None:
        """Pass over it."""

    def ending(self) -> Ending | None:
        """Known by its exit status alone."""
        return None


def make(options: Mapping[str, Any]) -> Agent:
    """The agent.

    Raises:
        BadOptions: an option is wrong, or there is no such program.
    """
    chosen = checked("command", CommandOptions, options)
    environment = surroundings(chosen.environment)
    if (path := where(chosen.command[0], environment)) is None:
        raise BadOptions(f"options of the agent `command`: 'command': there is no program {chosen.command[0]}.")
    return ProgramAgent("command", chosen, Command(chosen, path, environment))


def _filled(argument: str, known: Mapping[str, str]) -> str:
    # No format: braces of JSON among the arguments stay what they are. The prompt last, as it may hold anything.
    for name, value in known.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument
