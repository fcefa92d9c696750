"""Removal: what is chosen goes, beside running servers, and leaves a line each in the journal."""

from dataclasses import dataclass

import structlog

from mlgym_mcp.errors import MLGymError
from mlgym_mcp.pruning.choice import FLOOR, Bounds, chosen
from mlgym_mcp.pruning.inventory import Inventory
from mlgym_mcp.pruning.thing import Thing
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What there was, and what is gone of it, or would be."""

    things: list[Thing]
    gone: list[Thing]
    in_use: int
    """Things that came to be used meanwhile, or could not be removed, and so are left."""
    tokens: int
    """Tokens of sessions that let nobody in any more."""
    records: tuple[int, int]
    """Bytes of the database, before and after."""

    @property
    def left(self) -> int:
        """Bytes that things take up afterwards."""
        return sum(thing.size for thing in self.things) - sum(thing.size for thing in self.gone)


async def prune(
    inventory: Inventory, bounds: Bounds, now: float, *, dry_run: bool = False, progress: Progress = silent
) -> Report:
    """Remove what need not stay. `now` in seconds since the epoch; `dry_run`: only say what would go."""
    await progress("looking at what is there")
    store = inventory.store
    before = store.database.size
    things = await inventory.take(now)
    going = chosen(things, bounds, now)
    if dry_run:
        return Report(things, going, 0, store.tokens.useless(now - FLOOR), (before, before))
    gone = []
    for place, thing in enumerate(going):
        await progress(f"removing {place} of {len(going)}")
        if await _removed(thing, store, now):
            gone.append(thing)
    tokens = store.tokens.remove_useless(now - FLOOR)
    store.audit.write("prune", things=len(gone), bytes=sum(thing.size for thing in gone))
    _shrink(store)
    return Report(things, gone, len(going) - len(gone), tokens, (before, store.database.size))


async def _removed(thing: Thing, store: Store, now: float) -> bool:
    try:
        if await thing.remove(now - FLOOR):
            store.pruned.add(thing.kind, thing.name, thing.size)
            return True
    except (MLGymError, OSError) as error:
        log.warning("not_pruned", kind=thing.kind, name=thing.name, reason=str(error))
    return False


def _shrink(store: Store) -> None:
    if not store.instance.alone():
        return
    try:
        store.database.shrink()
    except MLGymError as error:
        log.warning("store_not_shrunk", reason=str(error))
