"""The sources of full data: found on this machine or downloaded, and checked into the cache before they are used."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog
from anyio import to_thread

from mlgym_mcp import lock, stamp
from mlgym_mcp.data.download import DownloadFailed, download
from mlgym_mcp.data.unpacking import copy
from mlgym_mcp.errors import DataMissing
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.tasks.source import Source, file_name
from mlgym_mcp.tasks.spec import TaskSpec

log = structlog.get_logger()


class Found(NamedTuple):
    """A source as it lies on this machine."""

    path: Path
    packed: bool


class Sources:
    """The sources of all tasks, as one data folder and one cache have them."""

    def __init__(self, data_dir: Path, cache_dir: Path) -> None:
        self._given = data_dir / "sources"
        self._checked = cache_dir / "sources"
        self._downloads = self._checked / "downloads"

    def find(self, task: TaskSpec, source: Source) -> Found | None:
        """A source on this machine: checked already, or as somebody put it there."""
        return next((found for found in self._candidates(task, source) if found.path.is_file()), None)

    def require(self, task: TaskSpec) -> None:
        """Check that all sources of a task are on this machine.

        Raises:
            DataMissing: one is not.
        """
        for source in task.sources:
            if self.find(task, source) is None:
                raise DataMissing(self._missing(task, source))

    async def obtain(self, task: TaskSpec, source: Source, progress: Progress, *, may_download: bool) -> Path:
        """A source's file, unpacked and checked, in the cache.

        Raises:
            DataMissing: it can't be had, or is not what the task says it is.
        """
        checked = self.place_of_checked(task, source)
        found = self.find(task, source)
        if found is not None and found.path != checked:
            await progress(f"checking {source.name}")
            await to_thread.run_sync(_take, source, found, checked)
        elif found is None and may_download:
            await self._download(task, source, checked, progress)
        elif found is None:
            raise DataMissing(self._missing(task, source))
        stamp.touch(checked)
        return checked

    def forget_downloads(self, task: TaskSpec) -> None:
        """Remove the archives that a task's sources were taken from."""
        for place in {self._download_of(url) for source in task.sources for url in source.urls}:
            place.unlink(missing_ok=True)

    def place_of_checked(self, task: TaskSpec, source: Source) -> Path:
        """Where a source lies once it is checked."""
        return self._checked / (source.sha256 or f"unverified-{task.extends or task.id}") / source.name

    async def _download(self, task: TaskSpec, source: Source, checked: Path, progress: Progress) -> None:
        refused = []
        for url in source.urls:
            place = self._download_of(url)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                async with lock.exclusive(place.parent / "lock"):  # several sources may share one archive
                    if not place.is_file():
                        await download(url, place, progress)
                await progress(f"checking {source.name}")
                await to_thread.run_sync(_take, source, Found(place, source.unpack is not None), checked)
                return
            except DownloadFailed as error:
                refused.append(f"{url}: {error}")
            except DataMissing as error:
                place.unlink(missing_ok=True)
                refused.append(f"{url}: {error}")
        raise DataMissing(self._missing(task, source, refused))

    def _candidates(self, task: TaskSpec, source: Source) -> Iterator[Found]:
        yield Found(self.place_of_checked(task, source), packed=False)
        for folder in (*self._inboxes(task), *source.local):
            yield Found(folder / source.name, packed=False)
            if source.packed_name is not None:
                yield Found(folder / source.packed_name, packed=True)

    def _inboxes(self, task: TaskSpec) -> list[Path]:
        return [self._given / name for name in (task.id, task.extends) if name is not None]

    def _download_of(self, url: str) -> Path:
        return self._downloads / hashlib.sha256(url.encode()).hexdigest()[:16] / file_name(url)

    def _missing(self, task: TaskSpec, source: Source, refused: list[str] | None = None) -> str:
        inbox = self._inboxes(task)[0]
        inbox.mkdir(parents=True, exist_ok=True)
        packed = f" (or {source.packed_name})" if source.packed_name else ""
        by_hand = f"put it{packed} in {inbox}" + (f", or {source.hint}" if source.hint else "")
        command = f"mlgym-mcp data prepare {task.id} --flavour full"
        if refused:
            tried = "; ".join(refused)
            return f"{source.name} of {task.id} could not be downloaded ({tried}); {by_hand}; or try again: {command}"
        if source.urls:
            from_where = " or ".join(source.urls)
            return (
                f"{task.id} needs {source.name}, which is not on this machine; to download it from {from_where}, "
                f"run: {command}; or {by_hand} first"
            )
        return f"{task.id} needs {source.name}, which is not on this machine: {by_hand}; then run: {command}"


def known_checksum(source: Source, checked: Path) -> str | None:
    """A source's SHA-256 as its task states it, or as the file first had it."""
    first = _first(checked)
    return source.sha256 or (first.read_text().strip() if first.is_file() else None)


def _first(checked: Path) -> Path:
    return checked.with_name(f"{checked.name}.sha256")


def _take(source: Source, found: Found, place: Path) -> None:
    """Copy a source into the cache, unpacked, and check it. One without a checksum is bound to its first content.

    Raises:
        DataMissing: it is not what the task says it is.
    """
    known = known_checksum(source, place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{place.name}.", dir=place.parent) as folder:
        aside = Path(folder) / place.name
        sha256, size = copy(source, found.path, aside, packed=found.packed)
        if (source.size or size) != size or (known or sha256) != sha256:
            expected = f"{source.size or 'any number of'} bytes with SHA-256 {known or 'unknown'}"
            raise DataMissing(
                f"{found.path} is not the file it should be: it has {size} bytes unpacked, with SHA-256 {sha256}; "
                f"expected are {expected}"
            )
        if source.sha256 is None:
            _first(place).write_text(f"{sha256}\n")
            log.warning("source_unverified", file=str(found.path), sha256=sha256)
        aside.chmod(0o644)
        aside.rename(place)
