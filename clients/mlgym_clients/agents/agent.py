"""What an agent is given, and what it gives back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mcp import Client

from mlgym_clients.agents.meter import Meter
from mlgym_clients.records.message import Message
from mlgym_clients.records.task import TaskFacts

Why = Literal["done", "exit_context", "exit_cost", "exit_error", "exit_format", "exit_api", "exit_forfeit"]
"""Why an agent stopped. All but `done` are MLGym's words; after all but `exit_forfeit` what there is gets submitted."""


class Hears(Protocol):
    """Who is told an agent's conversation as it happens."""

    def __call__(self, message: Message) -> None:
        """A message was said."""


@dataclass(frozen=True)
class Ending:
    """How an agent stopped. An agent that used a model told its meter before."""

    why: Why = "done"
    detail: str | None = None
    """In a sentence, what went wrong."""


async def no_baseline() -> Mapping[str, str]:
    """What a server shows that keeps its tasks' baseline solutions to itself."""
    return {}


@dataclass(frozen=True)
class Seat:
    """Where an agent sits: a session that is open, and nothing else of the server."""

    task: TaskFacts
    brief: str
    session: str
    """Its handle. Secret."""
    url: str
    """An MCP endpoint that, with these headers, is the session's own: `bash`, `edit`, `job`, `validate`, `submit`,
    `status` and `read` are there."""
    headers: Mapping[str, str]
    """What to send there with each request: where the server gives one, a token for this session alone."""
    client: Client
    """Connected to it."""
    folder: Path
    """The attempt's, on this machine; it exists."""
    number: int
    """Of the attempt, from 1."""
    seed: int
    """Differs from attempt to attempt; the same when a run is made again."""
    meter: Meter
    hears: Hears
    """Keeps the conversation; agents without one don't call it."""
    baseline: Callable[[], Awaitable[Mapping[str, str]]] = no_baseline
    """Asks for the files of the task's baseline solution, which no agent but `baseline` should see."""


class Agent(Protocol):
    """Attempts tasks. One serves all attempts of a run, several at once."""

    async def attempt(self, seat: Seat) -> Ending:
        """Work until submitted or given up. May be cancelled at any await, when a limit is reached.

        Raises:
            Exception: anything is taken as the agent's own fault, `exit_error`. What is the server's or the
                network's fault is `Unreachable`: the attempt is made again.
        """


class Unreachable(Exception):
    """Raised by an agent for what is neither its own nor its model's fault; the attempt is tried again."""


class BadOptions(Exception):
    """Raised where an agent can't be made of its options; says which one and what it should be."""
