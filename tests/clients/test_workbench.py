"""The workbench: tools as methods, whatever a call answers first."""

from pathlib import Path

import anyio
import pytest
from mlgym_clients.workbench import Refused, Workbench

from tests.fakes import TASK, World
from tests.tools.stage import connected


class Diary:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begins(self, step: str) -> None:
        self.lines.append(step)

    def goes_on(self, why: str) -> None:
        self.lines.append(f"… {why}")

    def ends(self, outcome: str = "") -> None:
        self.lines.append(f"→ {outcome}")


async def test_an_attempt_from_start_to_score(tmp_path: Path) -> None:
    diary = Diary()
    async with connected(World(tmp_path)) as client:
        bench = await Workbench.open(client, TASK, diary)
        await bench.create("answer.txt", "42\n")
        assert "42" in await bench.bash("cat answer.txt")
        assert (await bench.validate()).headline == "accuracy 0.7500"
        grade = await bench.submit()
        assert (grade.outcome, grade.reward, grade.baseline) == ("scored", 0.5, {"accuracy": 0.5})
    assert diary.lines[:2] == [f"start {TASK}", "→ sample data"]
    assert diary.lines[-2:] == ["submit", "→ accuracy 0.7500"]


async def test_a_score_that_is_pending_is_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.referee.gate = anyio.Event()
    diary = Diary()
    async with connected(world, wait_s=0.01) as client:
        bench = await Workbench.open(client, TASK, diary)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.validate)
            with anyio.fail_after(10):
                while "… still scoring" not in diary.lines:
                    await anyio.lowlevel.checkpoint()
            world.referee.gate.set()
    assert diary.lines[-1] == "→ accuracy 0.7500"


async def test_what_the_server_refuses_is_raised_with_its_words(tmp_path: Path) -> None:
    async with connected(World(tmp_path)) as client:
        with pytest.raises(Refused, match="did you mean 'toy-v1'"):
            await Workbench.open(client, "toi-v1", Diary())
