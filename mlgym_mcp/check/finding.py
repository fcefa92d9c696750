"""One thing that was looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is as it should be, and what was seen or what mends it."""

    subject: str
    ok: bool
    detail: str
