"""Data of tasks: sources found on this machine, made into public and hidden parts in a sandbox without network.

Prepared data lies in `<data folder>/prepared/<task>/<flavour>-<hash>`, named by the task's folder and by the secret
that the hidden parts come from. It is made beside its place and renamed into it, so what is there is whole.
"""

import gzip
import hashlib
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp.errors import DataMissing, InvalidSubmission, SetupError, TaskSpecError
from mlgym_mcp.sandbox import lock, profiles
from mlgym_mcp.sandbox.base import GIB, Backend, Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.seed import derive_seed
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
        self._prepared = data_dir / "prepared"
        self._sources = cache_dir / "sources"
        self._backend = backend
        self._secret = secret

    def resolve(self, task: TaskSpec, flavour: str) -> Flavour:
        """What `auto` comes to: the full data where it is prepared or lies on this machine, else the sample."""
        if flavour == "sample":
            return "sample"
        if flavour == "full" or self._place(task, "full").is_dir():
            return "full"
        return "full" if all(self._find(source) for source in task.sources) else "sample"

    def find(self, task: TaskSpec, flavour: Flavour) -> Path | None:
        """The folder with `public` and `hidden` if the data is prepared."""
        place = self._place(task, flavour)
        return place if place.is_dir() else None

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
        made_of = profiles.short_hash(task.content_hash, hashlib.sha256(self._secret).hexdigest())
        return self._prepared / task.id / f"{flavour}-{made_of}"

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
        place = self._sources / (source.sha256 or f"unverified-{task.id}") / source.name
        if place.is_file():
            return place
        found = self._find(source)
        if found is None:
            raise DataMissing(_missing(task, source, place))
        await progress(f"checking {source.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        await to_thread.run_sync(_take, source, found, place)
        return place

    def _find(self, source: Source) -> Path | None:
        cached = self._sources / (source.sha256 or "-") / source.name
        folders = [cached.parent, *source.local]
        names = [source.name, f"{source.name}.gz"]
        return next((path for folder in folders for name in names if (path := folder / name).is_file()), None)


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
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
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
    """Copy a source into the cache, unpacked, and check it.

    Raises:
        DataMissing: it is not what the task says it is.
    """
    packed = source.unpack == "gzip" and found.suffix == ".gz"
    digest = hashlib.sha256()
    aside = place.with_name(f"{place.name}.part")
    with gzip.open(found, "rb") if packed else found.open("rb") as reader, aside.open("wb") as writer:
        while piece := reader.read(1 << 20):
            digest.update(piece)
            writer.write(piece)
    size = aside.stat().st_size
    if (source.size or size) != size or (source.sha256 or digest.hexdigest()) != digest.hexdigest():
        aside.unlink()
        expected = f"{source.size} bytes with SHA-256 {source.sha256}"
        raise DataMissing(f"{found} is not the file it should be: {size} bytes unpacked, expected are {expected}")
    aside.chmod(0o644)
    shutil.move(aside, place)


def _missing(task: TaskSpec, source: Source, place: Path) -> str:
    hint = f", or {source.hint}" if source.hint else ""
    gzipped = f" (or {source.name}.gz)" if source.unpack == "gzip" else ""
    return (
        f"{task.id} needs {source.name}, which is not on this machine: put it{gzipped} in {place.parent}{hint}; "
        f"then run: mlgym-mcp data prepare {task.id} --flavour full"
    )
