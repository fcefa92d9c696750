"""A task for real: prepared, worked at in sessions, scored, and looked at for what must not be."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mlgym_mcp.check import hidden
from mlgym_mcp.check.finding import Finding
from mlgym_mcp.check.lint import BASELINE_PROGRAM
from mlgym_mcp.check.tampering import after_submit, before_submit
from mlgym_mcp.check.worker import LONG, Failed, Worker
from mlgym_mcp.errors import MLGymError
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.scoring.score import Score
from mlgym_mcp.services import open_services
from mlgym_mcp.sessions.manager import SessionManager, StartRequest
from mlgym_mcp.sessions.replies import ScoreReply
from mlgym_mcp.sessions.services import Services
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from mlgym_mcp.tasks.measures import Flavour
from mlgym_mcp.tasks.prepared import PreparedTask
from mlgym_mcp.tasks.spec import TaskSpec

SCORE = "baseline's score"
ERRORS = 4.0
"""Standard errors by which the baseline may miss what its task states."""


class Trial:
    """Tries tasks on a data folder of its own, whose scores nobody sees."""

    def __init__(self, services: Services, manager: SessionManager, flavour: Flavour) -> None:
        self._services = services
        self._manager = manager
        self._flavour = flavour

    async def run(self, task: TaskSpec, progress: Progress) -> AsyncIterator[Finding]:
        """Try a task; a step that can't be made is a finding, and ends what builds on it."""
        for subject, steps in {
            "data": self._data,
            "starter in place": self._starter,
            SCORE: self._baseline,
        }.items():
            await progress(f"{task.id}: {subject}")
            try:
                async for finding in steps(task, progress):
                    yield finding
            except (MLGymError, Failed) as error:
                yield Finding(subject, False, str(error))
                if subject == "data":
                    return

    async def _data(self, task: TaskSpec, progress: Progress) -> AsyncIterator[Finding]:
        prepared = await self._prepare(task, progress)
        count = sum(path.is_file() for path in prepared.public.rglob("*"))
        secret = sum(path.is_file() for path in prepared.hidden.rglob("*"))
        yield Finding("data", True, f"{prepared.flavour}: {count} files in /data, {secret} hidden")

    async def _prepare(self, task: TaskSpec, progress: Progress) -> PreparedTask:
        return await self._services.preparer.prepare(task, self._flavour, progress, gpus=task.resources.gpus)

    async def _starter(self, task: TaskSpec, progress: Progress) -> AsyncIterator[Finding]:
        worker = await self._start(task)
        try:
            yield await _in_place(task, worker)
            prepared = await self._prepare(task, progress)
            patterns = hidden.patterns_of(task, prepared, self._services.store.secret)
            await worker.write(hidden.PATTERNS, hidden.as_json(patterns))
            await worker.write("search.py", hidden.search_program())
            yield hidden.judged(await worker.bash(f"python3 search.py; rm search.py {hidden.PATTERNS}"), patterns)
            yield await _starters_own(worker)
        finally:
            await worker.session.end()

    async def _baseline(self, task: TaskSpec, _progress: Progress) -> AsyncIterator[Finding]:
        worker = await self._start(task)
        try:
            await worker.lay(task.baseline_files())
            if BASELINE_PROGRAM in task.baseline_files():
                python = profiles.load(task.environment.profile).python
                await worker.must(f"{python} {BASELINE_PROGRAM}")
            validated = await worker.validate()
            if validated.outcome != "scored" or validated.score is None:
                raise Failed(f"the baseline is no submission: {_fault(validated)}")
            yield await before_submit(task, worker)
            score = (await worker.submit()).score
            if score is None or score.outcome != "scored":
                raise Failed(f"the baseline's submission came to {score.outcome if score else 'nothing'}")
            yield _as_stated(task, score, self._flavour)
            async for finding in after_submit(worker, self._services.store, validated.score, score):
                yield finding
        finally:
            await worker.session.end()

    async def _start(self, task: TaskSpec) -> Worker:
        session = await self._manager.start(StartRequest(task.id, flavour=self._flavour), call=LONG)
        while session.state == "waiting":
            await session.status(call=LONG)
        await session.require_opened()
        return Worker(session)


@asynccontextmanager
async def open_trial(settings: Settings, catalog: Catalog, flavour: Flavour) -> AsyncIterator[Trial]:
    """Open what trials stand on; what they leave behind goes with it.

    Sources of full data that the operator has put into the data folder are used.

    Raises:
        SetupError: no sandbox can be made here.
    """
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=settings.cache_dir) as folder:
        own = settings.model_copy(update={"data_dir": _own_folder(Path(folder), settings.data_dir)})
        async with open_services(own, catalog) as services:
            try:
                async with SessionManager.open(services) as manager:
                    yield Trial(services, manager, flavour)
            finally:
                for sandbox_id in await services.backend.ids():
                    await services.backend.remove(sandbox_id)


def _own_folder(folder: Path, data_dir: Path) -> Path:
    """A data folder that only shares the sources which the operator provides."""
    (folder / "sources").symlink_to(data_dir / "sources")
    return folder


async def _in_place(task: TaskSpec, worker: Worker) -> Finding:
    wanted = {place: hashlib.sha256(path.read_bytes()).hexdigest() for place, path in task.starter_files().items()}
    listed = await worker.must("cd /workspace && find . -type f -exec sha256sum {} +")
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    found = {place.strip().removeprefix("./"): digest for digest, place in lines}
    wrong = sorted(place for place in wanted.keys() | found.keys() if wanted.get(place) != found.get(place))
    detail = f"not as the task has them: {', '.join(wrong)}" if wrong else f"{len(found)} files"
    return Finding("starter in place", not wrong, detail)


async def _starters_own(worker: Worker) -> Finding:
    subject = "starter's submission"
    refused = await worker.refusal()
    if refused is not None:
        return Finding(subject, True, f"refused: {refused}")
    reply = await worker.validate()
    if reply.outcome == "scored" and reply.score is not None:
        return Finding(subject, True, f"scored {_shown(reply.score)}")
    precise = reply.outcome == "submission_fault" and bool(reply.fault)
    return Finding(subject, precise, _fault(reply))


def _fault(reply: ScoreReply) -> str:
    if reply.outcome == "infrastructure_fault":
        return "it could not be scored, through no fault of its own; the log says why"
    return f"{reply.outcome}: {reply.fault}"


def _as_stated(task: TaskSpec, score: Score, flavour: Flavour) -> Finding:
    name = task.ranking.name
    stated, found = task.baselines.of(flavour, "strict")[name], score.scores[name]
    allowed = max(ERRORS * score.standard_error.get(name, 0.0), task.baselines.tolerance.get(name, 0.0), 1e-9)
    detail = f"{_shown(score)}; stated is {stated:g}, allowed to differ by {allowed:.2g}"
    return Finding(SCORE, abs(found - stated) <= allowed, detail)


def _shown(score: Score) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in score.scores.items())
