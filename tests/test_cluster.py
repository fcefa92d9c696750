"""What runs on a cluster: in a process of its own, since a cluster is made for each that needs one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tests/cluster", "tests/sandbox")
FEWEST = 15


@pytest.mark.slow
def test_what_runs_on_a_cluster_of_this_machine_passes(tmp_path: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "ray and not exhaustive"]
    command = [sys.executable, "-m", "pytest", *options, "--basetemp", str(tmp_path / "tests"), *FOLDERS]
    ended = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    summary = f"{ended.stdout[-6000:]}\n{ended.stderr[-2000:]}"
    assert ended.returncode == 0, summary
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None
    assert int(passed[1]) >= FEWEST, summary
