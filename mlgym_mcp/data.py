"""Data of tasks: sources found on this machine, made into public and hidden parts in a sandbox without network.

Prepared data lies in `<data folder>/prepared/<task>/<flavour>-<hash>`, named by the task's folder and by the secret
that the hidden parts come from. It is made beside its place and renamed into it, so what is there is whole.

Sources that no package brings are put into `<data folder>/sources/<task>`; from there, as from everywhere else, they
get unpacked and checked into `<cache folder>/sources/<SHA-256>`, the only place that they are used from.
"""

import gzip
import hashlib
import secrets
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp import lock
from mlgym_mcp.errors import DataMissing, InvalidSubmission, SetupError, TaskSpecError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.base import GIB, Backend, Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.seed import derive_seed, secret_hash
from mlgym_mcp.tasks.measures import Flavour
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import Source, TaskSpec

PREPARE_LIMIT = 3600.0
"""Seconds that a task's data.py may take."""
END_GRACE = 30.0
"""Seconds that data.py's process may take to be gone once its output has ended."""
MAX_PREPARED = 64 * GIB

log = structlog.get_logger()


class Data:
    """The prepared data of one data folder."""

    def __init__(
        self, data_dir: Path, cache_dir: Path, backend: Backend, secret: bytes, new_sandbox: Callable[[], str]
    ) -> None:
        """`new_sandbox` gives ids whose owner a later sweep can tell."""
        self._new_sandbox = new_sandbox
        self._data_dir = data_dir
        self._checked = cache_dir / "sources"
        self._backend = backend
        self._secret = secret

    def resolve(self, task: TaskSpec, flavour: str) -> Flavour:
        """What `auto` comes to: the full data where it is prepared or lies on this machine, else the sample."""
        if flavour == "sample":
            return "sample"
        if flavour == "full" or self._place(task, "full").is_dir():
            return "full"
        return "full" if all(self._find(task, source) for source in task.sources) else "sample"

    async def prepare(self, task: TaskSpec, flavour: str = "auto", progress: Progress = silent) -> PreparedTask:
        """A task's data and environment, made first where they are missing.

        Args:
            task: the task.
            flavour: `full`, `sample` or `auto`.
            progress: is told what happens.

        Raises:
            DataMissing: the full data is asked for and a source is not on this machine.
            SetupError: the environment or image can't be made, or the data can't.
        """
        resolved = self.resolve(task, flavour)
        digest = await self._backend.prepare(task.environment.profile, progress)
        place = self._place(task, resolved)
        place.parent.mkdir(parents=True, exist_ok=True)
        async with lock.exclusive(place.with_name(f"{place.name}.lock")):
            if not place.is_dir():
                await progress(f"preparing the {resolved} data of {task.id}")
                await self._make(task, resolved, place, progress)
        return PreparedTask(
            task_id=task.id,
            flavour=resolved,
            profile=task.environment.profile,
            public=place / "public",
            hidden=place / "hidden",
            digest=digest,
        )

    def _place(self, task: TaskSpec, flavour: Flavour) -> Path:
        return place_of(self._data_dir, self._secret, task, flavour)

    async def _make(self, task: TaskSpec, flavour: Flavour, place: Path, progress: Progress) -> None:
        sources = task.sources if flavour == "full" else ()
        mounts = [Mount(await self._source(task, source, progress), f"/sources/{source.name}") for source in sources]
        seed = derive_seed(self._secret, "data", task.id, flavour)
        with tempfile.TemporaryDirectory(prefix=f"{place.name}.", dir=place.parent) as folder:
            aside = Path(folder)
            async with self._sandbox(task, mounts) as guest:
                await _run(guest, task, flavour, seed)
                await _fetch(guest, aside)
            await to_thread.run_sync(_publish, aside, place)
        log.info("data_prepared", task=task.id, flavour=flavour, place=str(place))

    @asynccontextmanager
    async def _sandbox(self, task: TaskSpec, mounts: Sequence[Mount]) -> AsyncIterator[Guest]:
        # The disk is sparse: its size is a ceiling, not a cost.
        limits = Limits(cpus=task.resources.cpus, memory=max(task.resources.memory, 4 * GIB), disk=MAX_PREPARED)
        spec = SandboxSpec(
            id=self._new_sandbox(),
            token=secrets.token_urlsafe(16),
            profile=task.environment.profile,
            limits=limits,
            mounts=(Mount(task.folder, "/task"), *mounts),
            lifetime=2 * PREPARE_LIMIT,
            orphan_grace=60.0,
        )
        async with open_sandbox(self._backend, spec) as guest:
            yield guest

    async def _source(self, task: TaskSpec, source: Source, progress: Progress) -> Path:
        """A source's file, unpacked and checked, in the cache."""
        checked, found = self._place_of_checked(task, source), self._find(task, source)
        if found is None:
            inbox = self._inbox(task)
            inbox.mkdir(parents=True, exist_ok=True)
            raise DataMissing(_missing(task, source, inbox))
        if found != checked:
            await progress(f"checking {source.name}")
            checked.parent.mkdir(parents=True, exist_ok=True)
            await to_thread.run_sync(_take, source, found, checked)
        return checked

    def _find(self, task: TaskSpec, source: Source) -> Path | None:
        """A source on this machine: checked already, or as somebody put it there."""
        folders = [self._inbox(task), *source.local]
        names = [source.name, f"{source.name}.gz"] if source.unpack == "gzip" else [source.name]
        paths = [self._place_of_checked(task, source), *(folder / name for folder in folders for name in names)]
        return next(filter(Path.is_file, paths), None)

    def _inbox(self, task: TaskSpec) -> Path:
        return self._data_dir / "sources" / task.id

    def _place_of_checked(self, task: TaskSpec, source: Source) -> Path:
        return self._checked / (source.sha256 or f"unverified-{task.id}") / source.name


def place_of(data_dir: Path, secret: bytes, task: TaskSpec, flavour: Flavour) -> Path:
    """The folder with `public` and `hidden`, there once the data is prepared."""
    made_of = profiles.short_hash(task.content_hash, secret_hash(secret))
    return data_dir / "prepared" / task.id / f"{flavour}-{made_of}"


async def _run(guest: Guest, task: TaskSpec, flavour: Flavour, seed: int) -> None:
    python = profiles.load(task.environment.profile).python
    program = await guest.spawn([python, "-I", "/run/guest/prepare.py", flavour, str(seed)])
    try:
        with anyio.fail_after(PREPARE_LIMIT):
            while await program.receive():
                pass
            end = await program.close(grace=END_GRACE)
    except TimeoutError:
        raise SetupError(f"{task.id}: data.py took longer than {PREPARE_LIMIT:g} s") from None
    if end.exit_code != 0:
        said = end.stderr.decode(errors="replace").strip()
        raise TaskSpecError(f"{task.id}: data.py failed; its last words were: {said[-1000:]}")


async def _fetch(guest: Guest, folder: Path) -> None:
    archive = folder / "data.tar"
    try:
        async with await anyio.open_file(archive, "wb") as file:
            async for piece in guest.pack(["out"], max_size=MAX_PREPARED):
                await file.write(piece)
    except InvalidSubmission as error:
        raise TaskSpecError(f"data.py did not write what it should: {error}") from None
    await to_thread.run_sync(_unpack, archive, folder)


def _unpack(archive: Path, folder: Path) -> None:
    # Not `extractall` with a filter, which the Python of Debian 12 does not know yet.
    with tarfile.open(archive) as tar:
        for member in tar:
            place = folder / member.name
            content = tar.extractfile(member)
            if content is None or not place.resolve().is_relative_to(folder.resolve()):
                raise TaskSpecError(f"data.py wrote {member.name}, which is no regular file below out/")
            place.parent.mkdir(parents=True, exist_ok=True)
            with content, place.open("wb") as file:
                shutil.copyfileobj(content, file)
    archive.unlink()


def _publish(aside: Path, place: Path) -> None:
    """Put prepared data in its place, readable for sandboxes, which run under other uids."""
    made = aside / "out"
    for name in ("public", "hidden"):
        (made / name).mkdir(parents=True, exist_ok=True)
    for path in [made, *made.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    made.rename(place)


def _take(source: Source, found: Path, place: Path) -> None:
    """Copy a source into the cache, unpacked, and check it. One without a checksum is bound to its first content.

    Raises:
        DataMissing: it is not what the task says it is.
    """
    first = place.with_name(f"{place.name}.sha256")
    known = source.sha256 or (first.read_text().strip() if first.is_file() else None)
    with tempfile.TemporaryDirectory(prefix=f"{place.name}.", dir=place.parent) as folder:
        aside = Path(folder) / place.name
        sha256, size = _copy(found, aside, packed=found.suffix == ".gz" and source.unpack == "gzip")
        if (source.size or size) != size or (known or sha256) != sha256:
            expected = f"{source.size or 'any number of'} bytes with SHA-256 {known or 'unknown'}"
            raise DataMissing(
                f"{found} is not the file it should be: it has {size} bytes unpacked, with SHA-256 {sha256}; "
                f"expected are {expected}"
            )
        if source.sha256 is None:
            first.write_text(f"{sha256}\n")
            log.warning("source_unverified", file=str(found), sha256=sha256)
        aside.chmod(0o644)
        aside.rename(place)


def _copy(found: Path, place: Path, *, packed: bool) -> tuple[str, int]:
    """Copy a file, unpacked; its SHA-256 and its size in bytes."""
    digest = hashlib.sha256()
    try:
        with gzip.open(found, "rb") if packed else found.open("rb") as reader, place.open("wb") as writer:
            while piece := reader.read(1 << 20):
                digest.update(piece)
                writer.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataMissing(f"{found} is not the file it should be: it can't be unpacked ({error})") from None
    return digest.hexdigest(), place.stat().st_size


def _missing(task: TaskSpec, source: Source, inbox: Path) -> str:
    hint = f", or {source.hint}" if source.hint else ""
    gzipped = f" (or {source.name}.gz)" if source.unpack == "gzip" else ""
    return (
        f"{task.id} needs {source.name}, which is not on this machine: put it{gzipped} in {inbox}{hint}; "
        f"then run: mlgym-mcp data prepare {task.id} --flavour full"
    )
