"""A seat's session: its tools called, and how it stands."""

from dataclasses import dataclass
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, Tool

from mlgym_clients.agents.agent import Unreachable
from mlgym_clients.workbench import facts_of

LIVE = ("waiting", "open")
"""The states of a session that can be worked in."""


@dataclass(frozen=True)
class Standing:
    """How a session stands."""

    state: str
    steps: int
    """Those left."""
    wall_time: float
    """Seconds left."""

    @property
    def live(self) -> bool:
        """Whether it can be worked in."""
        return self.state in LIVE

    @property
    def budget(self) -> str:
        """What is left of the budget, in words."""
        minutes = int(self.wall_time) // 60
        return f"{self.steps} steps, {minutes // 60} h {minutes % 60} min of wall time"


@dataclass(frozen=True)
class Session:
    """A client at the endpoint of one session."""

    client: Client

    async def tools(self) -> list[Tool]:
        """What the server offers."""
        return (await self.client.list_tools()).tools

    async def call(self, tool: str, /, **arguments: Any) -> CallToolResult:
        """What a tool answers, be it an error."""
        return await self.client.call_tool(tool, arguments)

    async def standing(self) -> Standing:
        """How the session stands. Free, and not on its record.

        Raises:
            Unreachable: the server does not know it.
        """
        facts = facts_of(await self.call("status"))
        if not facts:
            raise Unreachable("the server does not know the session any more")
        return Standing(facts["state"], facts["left"]["steps"], facts["left"]["wall_time"])
