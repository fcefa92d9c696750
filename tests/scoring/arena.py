"""An arena: real judges and contestants in bubblewrap, for tasks that a test writes down itself."""

import hashlib
import io
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgym_mcp.data import Data
from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.scoring.request import ArtefactRef, Counted, ScoreRequest, uncounted
from mlgym_mcp.scoring.score import Phase, Score
from mlgym_mcp.tasks.measures import Protocol
from mlgym_mcp.tasks.spec import TaskSpec

SECRET = b"the arena's secret, which no submission sees"
DATA = """
def prepare(flavour, sources, out, seed):
    (out / "public" / "hint.txt").write_text("public")
    (out / "hidden" / "answer.txt").write_text("hidden-answer-41c2")
"""
TASK = """
id: {id}
title: A task of a test
domain: testing
environment: {{profile: plain}}
resources: {{cpus: 1, memory: 256MiB, disk: 64MiB}}
submission: {{files: [{file}], kind: {kind}, max_size: 1MiB}}
metrics: [{{name: points, goal: maximize, ranks: true}}]
baselines: {{full: {{strict: {{points: 0}}}}, sample: {{points: 0}}}}
target: {{value: 10, source: "the test"}}
comparable: {{value: false, why: "nothing was published"}}
scoring: {{time_limit: {time_limit}}}
"""


def new_sandbox() -> str:
    return secrets.token_hex(8)


def write_task(folder: Path, *, grader: str, kind: str = "data", data: str = DATA, time_limit: float = 30) -> TaskSpec:
    """A task with this grader, on the plain profile; `kind: data` hands in answer.txt, `kind: code` strategy.py."""
    name = f"{folder.name}-v1"
    place = folder / name
    place.mkdir(parents=True)
    file = "answer.txt" if kind == "data" else "strategy.py"
    (place / "task.yaml").write_text(TASK.format(id=name, kind=kind, file=file, time_limit=time_limit))
    (place / "brief.md").write_text("Do your best.")
    (place / "data.py").write_text(data)
    (place / "grader.py").write_text(grader)
    return TaskSpec.load(place)


@dataclass
class Arena:
    """One data folder with a backend, a referee, and the data that it prepares."""

    root: Path
    backend: BubblewrapBackend
    referee: Referee
    data: Data

    @classmethod
    async def open(cls, root: Path) -> "Arena":
        backend = BubblewrapBackend(root / "data", Environments(root / "cache", await find_interpreter()))
        data = Data(root / "data", root / "cache", backend, SECRET, new_sandbox)
        return cls(root, backend, Referee(backend, SECRET, new_sandbox), data)

    def artefact(self, files: Mapping[str, str]) -> ArtefactRef:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        content = buffer.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        path = self.root / f"{digest}.tar"
        path.write_bytes(content)
        return ArtefactRef(digest, path, len(content))

    async def score(
        self,
        task: TaskSpec,
        files: Mapping[str, str],
        *,
        phase: Phase = "validate",
        protocol: Protocol = "strict",
        session: str = "a-session",
        counted: Counted = uncounted,
    ) -> Score:
        prepared = await self.data.prepare(task)
        request = ScoreRequest(task, prepared, self.artefact(files), phase, protocol, session, counted=counted)
        return await self.referee.score(request)
