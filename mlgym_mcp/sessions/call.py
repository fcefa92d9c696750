"""How a caller waits for an answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

Notify = Callable[[float, str], Awaitable[None]]
"""Told every few seconds while a call waits: seconds waited so far, and the last line of output or the reason."""

Accepted = Callable[[int], None]
"""Told the id of the event under which a call is recorded."""

OWN_KEY = "⑂ "
"""How keys begin that the server makes for calls without one; callers' keys are ASCII."""

MAX_WAIT = 50.0
"""Seconds. Clients give up on a request after 60."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call says about its own waiting; the work itself belongs to the server and goes on without it."""

    wait_s: float = 40.0
    """Seconds until the call is answered with what there is."""
    key: str | None = None
    """Idempotency key: calls of one session that carry the same key act once and get the same reply."""
    notify: Notify | None = None
    accepted: Accepted | None = None
    """Told once the call is charged and recorded; needs a key. From then on its caller may leave, and look it up."""

    @property
    def patience(self) -> float:
        """Seconds this call may really wait: `wait_s` within what clients bear."""
        return min(max(self.wait_s, 0.0), MAX_WAIT)

    @property
    def guest_key(self) -> str:
        """What a guest knows it by, so that a repetition, also by another server, does nothing twice; empty if none."""
        return f"key:{self.key}" if self.key else ""

    def tell_accepted(self, event: int) -> None:
        """Tell its caller, who may leave now, under which event it is recorded."""
        if self.accepted is not None:
            self.accepted(event)

    def after(self, seconds: float) -> "Call":
        """The same call, once `seconds` of its patience are spent."""
        return replace(self, wait_s=max(0.0, self.patience - seconds))


PATIENT = Call()
"""A call that says nothing about itself."""
