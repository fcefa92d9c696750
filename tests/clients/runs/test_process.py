"""`mlgym-mcp run` as a process: killed at any point it loses nothing, and after Ctrl-C nothing is left of it."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
import yaml
from mlgym_clients.records.attempt import Attempt
from mlgym_clients.records.folder import RunFolder

from mlgym_mcp.store import Store
from tests.processes import environment

SEXES = "battle-of-the-sexes-v1"
LIMIT = 300
"""Seconds for everything; far more than it takes."""
LOOK = 0.1

pytestmark = pytest.mark.skipif(
    not shutil.which("bwrap") and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


def attempts(folder: Path) -> dict[int, Attempt]:
    return {attempt.number: attempt for attempt in RunFolder(folder / "run").attempts()}


async def ran(folder: Path, cache_dir: Path, stop: signal.Signals | None, when: Callable[[], bool]) -> tuple[int, str]:
    """The status of the run and what it said, when it is sent a signal once something is so."""
    command = [sys.executable, "-m", "mlgym_mcp", "run", str(folder / "plan.yaml"), "--to", str(folder / "run")]
    env = environment(folder, cache_dir)
    async with await anyio.open_process(command, env=env, stderr=None, cwd="/") as process:
        while stop is not None and process.returncode is None and not when():
            await anyio.sleep(LOOK)
        if stop is not None:
            process.send_signal(stop)
        assert process.stdout is not None
        said = "".join([part.decode() async for part in process.stdout])
        return await process.wait(), said


def left_behind(folder: Path) -> list[str]:
    """What goes on of a data folder: sandboxes, processes, sessions."""
    found = [path.name for path in (folder / "data/sandboxes").glob("*")]
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environ = path.read_bytes()
        except OSError:
            continue
        found += [path.parent.name] if f"DATA_DIR={folder / 'data'}".encode() in environ else []
    with Store.open(folder / "data") as store:
        return found + [row.id for row in store.sessions.list() if row.state in ("open", "waiting")]


async def test_a_run_that_is_killed_and_interrupted_is_made_once_and_leaves_nothing(
    tmp_path: Path, cache_dir: Path
) -> None:
    insists = {"command": "create", "path": "strategy.py", "file_text": "def row_strategy(history):\n    return 0\n"}
    agent = {"kind": "scripted", "calls": [{"edit": insists}, "submit"]}
    plan = {"tasks": [SEXES], "agents": [agent], "attempts": 2, "concurrency": 1, "flavour": "sample"}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))

    def session_of_the_second() -> str | None:
        begun = attempts(tmp_path)
        return begun[2].session if 2 in begun else None

    with anyio.fail_after(LIMIT):
        await ran(tmp_path, cache_dir, signal.SIGKILL, lambda: session_of_the_second() is not None)
        first, killed = attempts(tmp_path)[1], session_of_the_second()
        status, said = await ran(
            tmp_path, cache_dir, signal.SIGINT, lambda: session_of_the_second() not in (None, killed)
        )
        assert (status, "go on: mlgym-mcp run" in said) == (130, True)
        assert left_behind(tmp_path) == []
        status, said = await ran(tmp_path, cache_dir, None, lambda: True)
    assert (status, "2/2 " in said) == (0, True)
    made = attempts(tmp_path)
    assert made[1] == first
    assert [(one.state, one.exit_status) for one in made.values()] == [("finished", "submitted")] * 2
    assert all(one.submission is not None and one.submission.scores["score"] > 1.3 for one in made.values())
    assert left_behind(tmp_path) == []
