"""Whose fault it is when a contestant's sandbox is lost in the middle of a question."""

import json
from pathlib import Path

import anyio

from mlgym_mcp.errors import SandboxError
from mlgym_mcp.sandbox.bubblewrap import BubblewrapBackend
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.sandbox.process_identity import ProcessIdentity
from mlgym_mcp.scoring.referee import Referee
from mlgym_mcp.scoring.score import Score
from tests.sandbox.boxes import until
from tests.scoring.arena import SECRET, Arena, write_task

ASK = """
from array import array
from judging import Measure
from wire import Array
def grade(case):
    question = {"op": "map", "file": "strategy.py", "function": "answer"}
    case.contestant(0).ask(question, [Array.of(array("B", [0] * 8), (4, 2))], limit=30.0)
    return {"points": Measure(1)}
"""


class Fickle(BubblewrapBackend):
    """A backend that from one moment on no longer says whether a sandbox lives."""

    silent = False

    async def alive(self, sandbox_id: str) -> bool:
        if self.silent:
            raise SandboxError("the engine does not answer")
        return await super().alive(sandbox_id)


def runs_contestant(guest: int) -> bool:
    """Whether this guest's runner of a contestant has got far: it has started itself over, with -s."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_bytes().rpartition(b")")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes().split(b"\0")
            if parent == guest and {b"-s", b"/run/guest/contestant.py"} <= set(words):
                return True
        except OSError:
            continue
    return False


async def score_and_lose_the_contestant(folder: Path, *, silent: bool) -> Score:
    """Score code that never answers, and kill process 1 of its sandbox meanwhile."""
    arena = await Arena.open(folder)
    backend = Fickle(folder / "data", Environments(folder / "cache", await find_interpreter()))
    sandboxes: list[str] = []

    def new_sandbox() -> str:
        sandboxes.append(f"lost{len(sandboxes)}")
        return sandboxes[-1]

    arena.referee = Referee(backend, SECRET, new_sandbox)
    task = write_task(folder / "code", grader=ASK, kind="code")
    scores: list[Score] = []

    async def score() -> None:
        scores.append(await arena.score(task, {"strategy.py": "def answer(rows):\n    while True: pass"}))

    state = folder / "data/sandboxes/bubblewrap-lost1/process.json"
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(score)
            await until(lambda: state.exists() and runs_contestant(json.loads(state.read_text())["pid"]))
            backend.silent = silent
            ProcessIdentity(**json.loads(state.read_text())).kill()
    return scores[0]


async def test_a_contestant_whose_sandbox_is_gone_has_ended(tmp_path: Path) -> None:
    score = await score_and_lose_the_contestant(tmp_path, silent=False)
    assert (score.outcome, score.fault_code) == ("submission_fault", "ended")


async def test_a_contestant_of_whose_sandbox_the_backend_says_nothing_is_our_fault(tmp_path: Path) -> None:
    score = await score_and_lose_the_contestant(tmp_path, silent=True)
    assert (score.outcome, score.reward) == ("infrastructure_fault", None)
