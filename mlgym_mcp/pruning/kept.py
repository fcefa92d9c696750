"""What the data folder keeps of sessions: artefacts, archives of checkpoints, and the sessions themselves."""

from collections.abc import Iterator
from functools import partial

from mlgym_mcp import stamp
from mlgym_mcp.pruning.claims import Claims
from mlgym_mcp.pruning.thing import Kind, Thing
from mlgym_mcp.store import Artefacts, SessionRow, Store


def artefacts(store: Store, claims: Claims) -> Iterator[Thing]:
    """The artefacts."""
    yield from _packed("artefacts", store.artefacts, claims.artefacts)


def checkpoints(store: Store, claims: Claims) -> Iterator[Thing]:
    """The archives of checkpoints."""
    yield from _packed("checkpoints", store.workspaces, claims.archives)


def sessions(store: Store, claims: Claims, *, stay: bool) -> Iterator[Thing]:
    """The records of sessions; none is to go if they `stay`. Last used when it was over."""
    sizes = store.events.sizes()
    for row in store.sessions.all():
        needed = stay or row.id in claims.sessions
        yield Thing(
            "sessions", row.sandbox, sizes.get(row.id, 0), row.closed_at or 0.0, needed, partial(_forget, store, row)
        )


def _packed(kind: Kind, folder: Artefacts, needed: set[str]) -> Iterator[Thing]:
    for one in folder.named(""):

        async def remove(unused_since: float, name: str = one.sha256) -> bool:
            return await folder.remove(name, unused_since=unused_since)

        yield Thing(kind, one.sha256, one.size, stamp.of(one.path), one.sha256 in needed, remove)


async def _forget(store: Store, row: SessionRow, _unused_since: float) -> bool:
    store.forget(row.id)
    return True
