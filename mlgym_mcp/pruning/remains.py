"""Remains: what was half made when its process was killed."""

from collections.abc import Iterator
from pathlib import Path

from mlgym_mcp.pruning import tree
from mlgym_mcp.pruning.thing import Thing, in_thread
from mlgym_mcp.store import Store


def remains(store: Store, cache_dir: Path) -> Iterator[Thing]:
    """What lies about in the data and the cache folder; last used when something of it was last written."""
    for path in sorted(store.folder.glob("prepared/*/*.*/")):
        yield _thing(path, path.with_name(f"{path.name.partition('.')[0]}.lock"))
    for path in sorted(cache_dir.glob("envs/*.*/")):
        yield _thing(path, path.with_name(f"{path.stem}.lock"))
    for pattern in ("sources/*/*.*/", "check-*/", "papers/*.part", "sources/downloads/*/*.part*"):
        for path in sorted(cache_dir.glob(pattern)):
            yield _thing(path, None)
    for path in sorted([*store.folder.glob(".*.part"), *store.folder.glob("*/.*.part")]):
        yield _thing(path, None, needed=not store.instance.free(path.name.split(".")[-3]))


def _thing(path: Path, guard: Path | None, *, needed: bool = False) -> Thing:
    remove = in_thread(tree.remove_remains, path, guard)
    return Thing("remains", str(path), tree.size(path), tree.last_change(path), needed, remove)
