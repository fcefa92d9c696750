"""The demo and the examples, played for real against a server on bubblewrap."""

import os
import shutil
import sys
from pathlib import Path

import anyio
import pytest

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
LIMIT = 120
SHORT = {"policy_gradient": ["--rounds", "1", "--environments", "2"]}
"""Arguments that make an example short."""

needs_bubblewrap = pytest.mark.skipif(
    not shutil.which("bwrap") and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


async def output_of(folder: Path, *command: str) -> str:
    """What a program prints that runs on a data folder of its own."""
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1", "COLUMNS": "100"}
    with anyio.fail_after(LIMIT):
        ended = await anyio.run_process(
            [sys.executable, *command, "--data-dir", str(folder / "data")], env=environment, check=False
        )
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


@needs_bubblewrap
async def test_the_demo_plays_an_attempt_and_shows_its_score(tmp_path: Path) -> None:
    output = await output_of(tmp_path, "-m", "mlgym_mcp", "demo", "battle-of-the-sexes-v1")
    assert "submit  → score 1.4" in output
    [row] = [line for line in output.splitlines() if line.startswith("battle-of-the-sexes-v1 ")]
    assert "full" in row
    assert "1.149–1.444" in row


@needs_bubblewrap
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
async def test_an_example_runs(tmp_path: Path, example: Path) -> None:
    short = SHORT.get(example.stem, [])
    assert "scored" in await output_of(tmp_path, str(example), "--sandbox", "bubblewrap", *short)
