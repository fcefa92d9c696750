"""Preparation: a task's data.py, run once in a sandbox without network."""

import secrets
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from mlgym_mcp import lock, stamp
from mlgym_mcp.data.manifest import write_manifest
from mlgym_mcp.data.sources import Sources
from mlgym_mcp.errors import InvalidSubmission, SetupError, TaskSpecError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.base import GIB, Backend, Limits, Mount, SandboxSpec
from mlgym_mcp.sandbox.guest import Guest
from mlgym_mcp.sandbox.lifecycle import open_sandbox
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.seed import derive_seed, secret_hash
from mlgym_mcp.tasks.measures import Flavour
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

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
        self._sources = Sources(data_dir, cache_dir)
        self._backend = backend
        self._secret = secret

    def resolve(self, task: TaskSpec, flavour: str) -> Flavour:
        """What `auto` comes to: the full data where it is prepared or lies on this machine, else the sample."""
        if flavour == "sample":
            return "sample"
        if flavour == "full" or self._place(task, "full").is_dir():
            return "full"
        return "full" if all(self._sources.find(task, source) for source in task.sources) else "sample"

    async def prepare(
        self,
        task: TaskSpec,
        flavour: str = "auto",
        progress: Progress = silent,
        *,
        gpus: int | None = None,
        may_download: bool = False,
    ) -> PreparedTask:
        """A task's data and environment, made first where they are missing.

        Args:
            task: the task.
            flavour: `full`, `sample` or `auto`.
            progress: is told what happens.
            gpus: how many its sandboxes have; what the task says where not given.
            may_download: whether sources of full data are downloaded; only who asked for that outright wants it.

        Raises:
            DataMissing: the full data is asked for and a source is not on this machine, or can't be had.
            SetupError: the environment or image can't be made, or the data can't.
        """
        resolved = self.resolve(task, flavour)
        profile = profiles.fitting(task.environment.profile, gpus=task.resources.gpus if gpus is None else gpus)
        place = self._place(task, resolved)
        if resolved == "full" and not (may_download or place.is_dir()):
            self._sources.require(task)  # before an environment that may take minutes
        digest = await self._backend.prepare(profile, progress)
        prepared = PreparedTask(
            task_id=task.id,
            flavour=resolved,
            profile=profile,
            public=place / "public",
            hidden=place / "hidden",
            digest=digest,
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        async with lock.exclusive(place.with_name(f"{place.name}.lock")):
            if not place.is_dir():
                await progress(f"preparing the {resolved} data of {task.id}")
                await self._make(task, prepared, progress, may_download=may_download)
            stamp.touch(place)
        return prepared

    def _place(self, task: TaskSpec, flavour: Flavour) -> Path:
        return place_of(self._data_dir, self._secret, task, flavour)

    async def _make(self, task: TaskSpec, prepared: PreparedTask, progress: Progress, *, may_download: bool) -> None:
        flavour, place = prepared.flavour, prepared.public.parent
        sources = task.sources if flavour == "full" else ()
        mounts = [
            Mount(
                await self._sources.obtain(task, source, progress, may_download=may_download), f"/sources/{source.name}"
            )
            for source in sources
        ]
        if sources:
            self._sources.forget_downloads(task)
        seed = derive_seed(self._secret, "data", task.id, flavour)
        for left in place.parent.glob(f"{place.name}.*/"):  # by a server that was killed at it: nobody else is here
            await to_thread.run_sync(partial(shutil.rmtree, left, ignore_errors=True))
        with tempfile.TemporaryDirectory(prefix=f"{place.name}.", dir=place.parent) as folder:
            aside = Path(folder)
            async with self._sandbox(task, prepared.profile, mounts) as guest:
                await _run(guest, task, prepared, seed)
                await _fetch(guest, aside)
            await to_thread.run_sync(_publish, aside, place)
        log.info("data_prepared", task=task.id, flavour=flavour, place=str(place))

    @asynccontextmanager
    async def _sandbox(self, task: TaskSpec, profile: str, mounts: Sequence[Mount]) -> AsyncIterator[Guest]:
        # The disk is sparse: its size is a ceiling, not a cost.
        limits = Limits(cpus=task.resources.cpus, memory=max(task.resources.memory, 4 * GIB), disk=MAX_PREPARED)
        spec = SandboxSpec(
            id=self._new_sandbox(),
            token=secrets.token_urlsafe(16),
            profile=profile,
            limits=limits,
            mounts=(Mount(task.file("data.py").parent, "/task"), *mounts),
            lifetime=2 * PREPARE_LIMIT,
            orphan_grace=60.0,
        )
        async with open_sandbox(self._backend, spec) as guest:
            yield guest


def place_of(data_dir: Path, secret: bytes, task: TaskSpec, flavour: Flavour) -> Path:
    """The folder with `public` and `hidden`, there once the data is prepared."""
    made_of = profiles.short_hash(task.content_hash, secret_hash(secret))
    return data_dir / "prepared" / task.id / f"{flavour}-{made_of}"


async def _run(guest: Guest, task: TaskSpec, prepared: PreparedTask, seed: int) -> None:
    python = profiles.load(prepared.profile).python
    program = await guest.spawn([python, "-I", "/run/guest/prepare.py", prepared.flavour, str(seed)])
    try:
        with anyio.fail_after(PREPARE_LIMIT):
            while await program.receive():
                pass
            end = await program.close(grace=END_GRACE)
    except TimeoutError:
        raise SetupError(f"{task.id}: data.py took longer than {PREPARE_LIMIT:g} s") from None
    if end.exit_code != 0:
        said = end.stderr.decode(errors="replace").strip()[-1000:] or "none"
        raise TaskSpecError(f"{task.id}: data.py ended with exit status {end.exit_code}; its last words were: {said}")


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
    write_manifest(made)
    for path in [made, *made.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    made.rename(place)
