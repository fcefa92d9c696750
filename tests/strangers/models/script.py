"""What a model says that only pretends to think: a list of tool calls, and a text at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Turn:
    """One answer of a model: a call of a tool, or, without one, a text."""

    text: str = ""
    tool: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    """Its place in the script. Calls are named by it: clients drop the result of one whose name they have seen."""


@dataclass(frozen=True)
class Request:
    """What a model was asked, whichever wire brought it."""

    offered: tuple[str, ...]
    """The names of all tools that it may call, those of MCP servers as `mcp__<server>__<tool>`."""
    results: tuple[str, ...]
    """What the calls were answered that the conversation has seen, oldest first."""


ASIDE = Turn("Nothing to add.")
"""For requests that are no part of the conversation: titles, quotas."""


@dataclass(frozen=True)
class Script:
    """Says the same to the same request, so that a repeated one changes nothing.

    The place in the script is the number of results so far. A request that does not offer the tool that is next
    gets an aside.
    """

    calls: Sequence[Turn]
    last: str

    def answer(self, request: Request) -> Turn:
        """The next call under the name by which it was offered, or the last text."""
        if len(request.results) >= len(self.calls):
            return Turn(self.last, number=len(self.calls))
        call = self.calls[len(request.results)]
        for name in request.offered:
            if name.rpartition("__")[2] == call.tool:
                return replace(call, tool=name, number=len(request.results))
        return ASIDE


def call(tool: str, **arguments: Any) -> Turn:
    """A call of a tool, by the name that its server gave it."""
    return Turn(tool=tool, arguments=arguments)
