"""Whether a task's sources and prepared data are still what they were."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from mlgym_mcp.data.manifest import differences
from mlgym_mcp.data.preparation import place_of
from mlgym_mcp.data.sources import Sources, known_checksum
from mlgym_mcp.data.unpacking import content_of
from mlgym_mcp.tasks.measures import Flavour
from mlgym_mcp.tasks.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Verified:
    """One source, or the prepared data of one flavour, and what it was found to be."""

    task: str
    what: str
    ok: bool
    detail: str
    """Where it lies, or what changed and how to mend it."""


def verify(task: TaskSpec, data_dir: Path, cache_dir: Path, secret: bytes) -> Iterator[Verified]:
    """Look at all that is here of a task; what is not here yet is passed over."""
    sources = Sources(data_dir, cache_dir)
    for source in task.sources:
        place = sources.place_of_checked(task, source)
        if place.is_file():
            found, known = content_of(place).sha256, known_checksum(source, place)
            ok = found == known
            mend = f"its SHA-256 is {found}, expected is {known or 'unknown'}; remove {place} and prepare it again"
            yield Verified(task.id, source.name, ok, str(place) if ok else mend)
    for flavour in get_args(Flavour):
        place = place_of(data_dir, secret, task, flavour)
        if place.is_dir():
            changes = list(differences(place))
            more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
            mend = f"{changes[0]}{more}; remove {place} and prepare it again" if changes else str(place)
            yield Verified(task.id, f"{flavour} data", not changes, mend)
