"""The workbench of an agent in its seat."""

from collections.abc import Mapping
from typing import Any

from mcp import Client
from mcp.types import CallToolResult

from mlgym_clients.agents.agent import Seat
from mlgym_clients.workbench import RUNNING, Workbench, call, facts_of, text_of


class Unwatched:
    """A watcher that nobody looks through."""

    def begins(self, step: str) -> None:
        """Nothing is shown."""

    def goes_on(self, why: str) -> None:
        """Nothing is shown."""

    def ends(self, outcome: str = "") -> None:
        """Nothing is shown."""


def bench_at(seat: Seat) -> Workbench:
    """The seat's session as methods."""
    return Workbench(seat.client, None, Unwatched())


async def use(client: Client, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """Call any tool, and wait for what comes of it: the end of a job that it became, or a score.

    Raises:
        Refused: the server answered with an error.
    """
    result = await call(client, tool, **arguments)
    while not arguments.get("background") and (running := RUNNING.search(text_of(result))):
        result = await call(client, "job", job=running[1])
    while facts_of(result).get("outcome") == "pending":
        result = await call(client, tool)
    return result
