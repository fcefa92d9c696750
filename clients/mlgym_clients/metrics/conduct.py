"""What agents did and used, and how their attempts ended."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mlgym_clients.records.attempt import Attempt, Usage

INFRASTRUCTURE = "infrastructure"
"""How an attempt ended that failed through no fault of its agent's."""
UNNAMED = "no exit status"


@dataclass(frozen=True)
class Conduct:
    """Of one agent, over some attempts."""

    attempts: int
    endings: Counter[str]
    """Exit status in MLGym's words, → how often."""
    scored: int
    """Attempts whose submission was scored."""
    actions: Counter[str]
    """Tool → calls with effect."""
    steps: int
    seconds: float
    usage: Usage
    priced: int
    """Attempts whose cost is known; `usage.cost` is theirs alone."""

    def each(self, total: float) -> float:
        """A total, for one attempt."""
        return total / self.attempts if self.attempts else math.nan


def conduct(attempts: Iterable[Attempt]) -> dict[str, Conduct]:
    """Agent → what it did, over its attempts that came to an end."""
    ended = [attempt for attempt in attempts if attempt.state != "running"]
    return {
        agent: _of([one for one in ended if one.agent == agent]) for agent in dict.fromkeys(one.agent for one in ended)
    }


def ending(attempt: Attempt) -> str:
    """How an attempt ended, in a few words."""
    if attempt.state == "failed":
        return INFRASTRUCTURE
    return attempt.exit_status or UNNAMED


def _of(attempts: list[Attempt]) -> Conduct:
    return Conduct(
        attempts=len(attempts),
        endings=Counter(map(ending, attempts)),
        scored=sum(one.submission is not None and one.submission.outcome == "scored" for one in attempts),
        actions=sum((Counter(one.actions) for one in attempts), Counter()),
        steps=sum(one.steps for one in attempts),
        seconds=math.fsum(one.seconds for one in attempts),
        usage=sum((one.usage for one in attempts), Usage()),
        priced=sum(one.usage.cost is not None for one in attempts),
    )
