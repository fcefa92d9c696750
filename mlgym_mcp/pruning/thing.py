"""Things: what takes up room, each with its last use and the way to remove it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from anyio import to_thread

Kind = Literal[
    "artefacts", "checkpoints", "prepared data", "sources", "environments", "papers", "remains", "sessions", "images"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Remove: TypeAlias = Callable[[float], Awaitable[bool]]
"""Removes a thing unless it was used since a time, or is being used; whether it did."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing. Size in bytes, last use in seconds since the epoch."""

    kind: Kind
    name: str
    size: int
    used_at: float
    needed: bool
    """By a live session, a server or a score; then it stays."""
    remove: Remove


def in_thread(remove: Callable[..., bool], *of_what: Path | None) -> Remove:
    """A way to remove that blocks, made one that doesn't; it is given these, and then the time."""
    return partial(to_thread.run_sync, partial(remove, *of_what))
