"""A stage for the runners: real judge and contestant processes in temporary folders, and the host between them."""

import io
import select
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire import Channel, Header, WireError

RUNNERS = Path(__file__).parents[2] / "sandbox"
PATIENCE = 60.0
"""Seconds after which a runner that should answer counts as hung."""


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """A tar of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Runner:
    """One runner process and the host's end of its pipes."""

    process: subprocess.Popen[bytes]
    channel: Channel

    def exchange(self, header: Header, body: bytes = b"", *, limit: float = PATIENCE) -> tuple[Header, bytes]:
        """Send a frame, receive one; what the host would call silence comes back as a silence frame."""
        self.channel.send(header, body)
        return self.receive(limit=limit)

    def receive(self, *, limit: float = PATIENCE) -> tuple[Header, bytes]:
        """The next frame."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], limit)[0]:
            return {"type": "silence", "reason": "late"}, b""
        try:
            received = self.channel.receive()
        except WireError:
            return {"type": "silence", "reason": "malformed"}, b""
        return received or ({"type": "silence", "reason": "ended"}, b"")


FEW_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For programs beside which other tests run: threads that wait for one another would take most of the time."""


@contextmanager
def open_runner(
    name: str, root: Path, *, env: Mapping[str, str] | None = None, python: str = sys.executable
) -> Iterator[Runner]:
    """Run sandbox/<name>.py in `root`; it is killed at the end, if it has not ended by then."""
    command = [python, "-I", str(RUNNERS / f"{name}.py"), "--root", str(root)]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, env=FEW_THREADS | dict(env or {}), stdin=pipe, stdout=pipe, stderr=nowhere
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Runner(process, Channel(process.stdout, process.stdin))
        finally:
            process.kill()


@dataclass
class Stage:
    """A judge, and the contestants that it has asked for."""

    root: Path
    artefact: bytes
    judge: Runner
    running: ExitStack
    python: str = sys.executable
    contestants: dict[int, Runner] = field(default_factory=dict)

    def grade(self, *, kind: str = "data", phase: str = "validate", seed: int = 1) -> dict[str, Any]:
        """Have the artefact graded once, with fresh contestants, and return the verdict."""
        self.contestants.clear()
        request = {"type": "grade", "phase": phase, "flavour": "full", "seed": seed, "kind": kind}
        header, body = self.judge.exchange(request)
        while header["type"] == "ask":
            contestant = self._contestant(header["contestant"], seed)
            told, answer = contestant.exchange({"type": "ask"}, body, limit=header["limit"])
            # As the host has it: of what a contestant sends, the judge gets the body alone.
            relayed = told if told.get("type") == "silence" else {"type": "answer"}
            header, body = self.judge.exchange(relayed, answer)
        return header

    def _contestant(self, index: int, seed: int) -> Runner:
        if index not in self.contestants:
            root = self.root / f"contestant-{len(list(self.root.iterdir()))}"
            _lay(root, self.artefact)
            opened = open_runner("contestant", root, env={"PYTHONHASHSEED": "0"}, python=self.python)
            contestant = self.running.enter_context(opened)
            # Not the judge's own seed: the submission could foresee its draws.
            assert contestant.exchange({"type": "load", "seed": seed + 10**6})[0] == {"type": "answer"}
            self.contestants[index] = contestant
        return self.contestants[index]


@contextmanager
def open_stage(
    root: Path,
    *,
    grader: str,
    artefact: bytes,
    hidden: Mapping[str, str | bytes] | None = None,
    python: str = sys.executable,
) -> Iterator[Stage]:
    """Lay out the judge's folders below `root` and start it; `python` runs it and its contestants."""
    judge_root = root / "judge"
    _lay(judge_root, artefact)
    given = {f"hidden/{name}": content for name, content in (hidden or {}).items()}
    for name, content in {"grader/grader.py": grader, **given}.items():
        (judge_root / name).parent.mkdir(exist_ok=True)
        (judge_root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with ExitStack() as running:
        judge = running.enter_context(open_runner("judge", judge_root, python=python))
        yield Stage(root, artefact, judge, running, python)


def _lay(root: Path, artefact: bytes) -> None:
    (root / "workspace").mkdir(parents=True)
    (root / "workspace/artefact.tar").write_bytes(artefact)
