"""What an attempt's model has used so far, and whether that is too much."""

from mlgym_clients.records.attempt import Limit, Usage
from mlgym_clients.records.run import Limits


class LimitReached(Exception):
    """Raised when an attempt may use no more."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"the limit of {limit} is reached")
        self.limit = limit


class Meter:
    """Counts what a model uses. The harness reads it, also while the agent runs."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.usage = Usage()

    def add(self, usage: Usage) -> None:
        """Count what one request used.

        Raises:
            LimitReached: no more may be used. Agents let it pass.
        """
        self.usage += usage
        if self.limits.tokens is not None and self.usage.tokens >= self.limits.tokens:
            raise LimitReached("tokens")
        if self.limits.cost is not None and (self.usage.cost or 0.0) >= self.limits.cost:
            raise LimitReached("cost")
