"""What can be made or fetched again: prepared data, sources of it, environments, papers, images."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from mlgym_mcp import stamp
from mlgym_mcp.pruning import tree
from mlgym_mcp.pruning.mounts import Mounts
from mlgym_mcp.pruning.thing import Thing, in_thread
from mlgym_mcp.sandbox.environments import Environments
from mlgym_mcp.sandbox.images import Images

BESIDE = re.compile(r"lock|.*\.(part|mark|sha256)")
"""What lies beside sources and is none; a checksum binds a source to its first content, and stays."""


def prepared_data(data_dir: Path, needed: set[tuple[str, str]], mounts: Mounts) -> Iterator[Thing]:
    """The prepared data of tasks."""
    for folder in sorted(data_dir.glob("prepared/*/*-*/")):
        if "." not in folder.name:
            task, flavour = folder.parent.name, folder.name.partition("-")[0]
            used = (task, flavour) in needed or mounts.hold(folder)
            remove = in_thread(tree.remove_folder, folder, folder.with_name(f"{folder.name}.lock"))
            name = f"{task}/{folder.name}"
            yield Thing("prepared data", name, tree.size(folder), stamp.of(folder), used, remove)


def sources(cache_dir: Path, mounts: Mounts) -> Iterator[Thing]:
    """Checked sources, and the archives that they come from. What the operator put into the data folder is none."""
    folder = cache_dir / "sources"
    for path in sorted([*folder.glob("*/*"), *folder.glob("downloads/*/*")]):
        if path.is_file() and not BESIDE.fullmatch(path.name):
            name = str(path.relative_to(folder))
            yield Thing(
                "sources", name, tree.size(path), stamp.of(path), mounts.hold(path), in_thread(tree.remove_file, path)
            )


def environments(there: Environments, mounts: Mounts) -> Iterator[Thing]:
    """The environments of bubblewrap's sandboxes."""
    for folder, asked_for in there.all().items():
        remove = in_thread(tree.remove_folder, folder, folder.with_name(f"{folder.name}.lock"))
        needed = asked_for or mounts.hold(folder)
        yield Thing("environments", folder.name, tree.size(folder), stamp.of(folder), needed, remove)


def papers(cache_dir: Path) -> Iterator[Thing]:
    """The texts of papers that were read."""
    for path in sorted(cache_dir.glob("papers/*.txt")):
        remove = in_thread(tree.remove_file, path)
        yield Thing("papers", path.stem, tree.size(path), stamp.of(path), False, remove)


async def images(there: Images) -> AsyncIterator[Thing]:
    """The images of Docker's sandboxes; their last use is not known, only when they were built."""
    for one, asked_for in (await there.all()).items():

        async def remove(_unused_since: float, tag: str = one.tag) -> bool:
            return await there.engine.remove_image(tag)

        yield Thing("images", one.tag, one.size, one.built_at, asked_for, remove)
