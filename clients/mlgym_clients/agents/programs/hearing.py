"""What programs say of themselves, taken down."""

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio

from mlgym_clients.agents.agent import Ending, Hears, Why
from mlgym_clients.agents.meter import Meter
from mlgym_clients.records.attempt import Usage
from mlgym_clients.records.message import Message

SERVER = "mlgym"
"""The name by which programs know our server."""
TOO_LONG = re.compile(r"context (window|length)|prompt is too long|maximum context|input token count", re.IGNORECASE)
LONGEST_DETAIL = 500
"""Characters of a program's words that are kept."""


class Listener(Protocol):
    """Understands the output of one program in one attempt."""

    def hear(self, event: dict[str, Any]) -> None:
        """Take down what happened.

        Raises:
            LimitReached: the model may be used no more.
        """

    def ending(self) -> Ending | None:
        """How it ended by its own words; None where it said nothing of it."""


@dataclass
class Notes:
    """Where a listener takes down what it heard."""

    hears: Hears
    meter: Meter
    _counted: Usage = Usage()
    _began: float = field(default_factory=anyio.current_time)

    @property
    def requests(self) -> int:
        """Those counted so far."""
        return self._counted.requests

    def say(self, message: Message) -> None:
        """Add to the conversation."""
        self.hears(message.model_copy(update={"at": anyio.current_time() - self._began}))

    def use(self, usage: Usage) -> None:
        """Count what one more request used.

        Raises:
            LimitReached: no more may be used.
        """
        self._counted += usage
        self.meter.add(usage)

    def used(self, total: Usage) -> None:
        """Correct what has been counted by what it was altogether.

        Raises:
            LimitReached: no more may be used.
        """
        counted = self._counted
        self.use(
            Usage(
                requests=total.requests - counted.requests,
                input_tokens=total.input_tokens - counted.input_tokens,
                cached_tokens=total.cached_tokens - counted.cached_tokens,
                output_tokens=total.output_tokens - counted.output_tokens,
                cost=total.cost,
            )
        )


def failed(words: str) -> Ending:
    """How a conversation ended that its provider broke off."""
    why: Why = "exit_context" if TOO_LONG.search(words) else "exit_api"
    return Ending(why, words[:LONGEST_DETAIL])


def text_of(content: Any) -> str:
    """The text of what a tool answered, be it a text or blocks."""
    if isinstance(content, list):
        return "\n".join(block.get("text", "") for block in content)
    return str(content or "")
