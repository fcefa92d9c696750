"""Seats for agents: at a session on a toy task that stands on fakes, or anywhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mcp import Client
from mlgym_clients.agents.agent import Seat
from mlgym_clients.agents.meter import Meter
from mlgym_clients.records.message import Message
from mlgym_clients.records.run import Limits
from mlgym_clients.records.task import TaskFacts

from tests.fakes import TASK, World
from tests.tools.stage import connected, facts_of

UNLIMITED = Limits()


@dataclass
class Heard:
    """A conversation as the harness would keep it."""

    messages: list[Message] = field(default_factory=list)

    def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def roles(self) -> str:
        """Who spoke, by first letters."""
        return "".join(message.role[0] for message in self.messages)

    def said(self, role: str) -> list[str]:
        """All that one of them said."""
        return [message.content for message in self.messages if message.role == role]


def seat_at(client: Client, folder: Path, task: str, brief: str, *, limits: Limits = UNLIMITED) -> tuple[Seat, Heard]:
    """A seat at a client's session, and what is heard there."""
    heard = Heard()
    facts = TaskFacts(id=task, title="Toy", domain="toys", metric="accuracy", goal="maximize", target=1.0)
    seat = Seat(
        task=facts,
        brief=brief,
        session="",
        url="",
        headers={},
        client=client,
        folder=folder,
        number=1,
        seed=1,
        meter=Meter(limits),
        hears=heard,
    )
    return seat, heard


@asynccontextmanager
async def toy_seat(folder: Path, *, limits: Limits = UNLIMITED) -> AsyncIterator[tuple[Seat, Heard]]:
    """A seat at a session of ten steps, on fakes."""
    async with connected(World(folder)) as client:
        started = facts_of(await client.call_tool("start", {"task": TASK}))
        yield seat_at(client, folder, TASK, started["brief"], limits=limits)
