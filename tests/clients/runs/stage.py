"""Runs at a server over HTTP that stands on fakes, by agents that a test writes."""

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from mlgym_clients.agents.agent import Ending, Seat
from mlgym_clients.records.attempt import Attempt, AttemptKey
from mlgym_clients.records.folder import RunFolder
from mlgym_clients.runs.fault import ungrouped
from mlgym_clients.runs.plan import Plan
from mlgym_clients.runs.run import Order, Outcome, made
from rich.console import Console

from tests.fakes import TASK, World
from tests.web.stage import site

LIMIT = 60
"""Seconds for a run; far more than it takes, for slow machines."""
Work = Callable[[Seat], Awaitable[Ending | None]]


@dataclass
class Worker:
    """An agent that does what a test says, and remembers which attempts it made."""

    work: Work
    seats: list[Seat] = field(default_factory=list)

    async def attempt(self, seat: Seat) -> Ending:
        self.seats.append(seat)
        return await self.work(seat) or Ending()


async def submits(seat: Seat) -> None:
    """Validate, and submit what the starter is."""
    for tool in ("validate", "submit"):
        await seat.client.call_tool(tool)


async def does_nothing(seat: Seat) -> None:
    """Give up at once."""


@dataclass
class Stage:
    """A world and a run in it."""

    world: World
    said: io.StringIO = field(default_factory=io.StringIO)

    @property
    def folder(self) -> RunFolder:
        """The run's."""
        return RunFolder(self.world.folder / "run")

    async def run(self, agent: Worker, *, scope: anyio.CancelScope | None = None, **plan: Any) -> Outcome:
        """Make the run with a server of its own: one attempt, unless the plan says otherwise."""
        chosen = {"tasks": [TASK], "agents": ["worker"], "attempts": 1, "steps": None, **plan}
        console = Console(file=self.said, width=200)
        with ungrouped(), anyio.fail_after(LIMIT):
            async with site(self.world, tools=("evaluation",)) as place:
                asked = Plan.read(None, {**chosen, "url": place.url})
                order = Order(asked, self.folder.path, serve=(), pauses=(0, 0))
                return await made(order, {"worker": agent}, console, scope or anyio.CancelScope())

    def attempt(self, number: int = 1) -> Attempt:
        """What is kept of an attempt."""
        kept = self.folder.read_attempt(AttemptKey(TASK, "worker", number))
        assert kept is not None
        return kept

    def place(self, number: int = 1) -> Path:
        """An attempt's folder."""
        return self.folder.attempt_folder(AttemptKey(TASK, "worker", number))
