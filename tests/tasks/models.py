"""What tests of tasks with an environment stand on: its interpreter, and judges that it runs."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio

from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.environments import Environments, find_interpreter
from mlgym_mcp.tasks.spec import TaskSpec
from tests.runners.stage import FEW_THREADS, RUNNERS, pack

PATIENCE = 300.0
JUDGE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from judge import Judge
for root in sys.argv[3:]:
    request = {"phase": sys.argv[2], "flavour": "sample", "seed": 1, "kind": "model"}
    print("verdict", json.dumps(Judge(Path(root), None).verdict(request)))
"""
PREPARE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from data import prepare
for part in ("public", "hidden"):
    (Path(sys.argv[2]) / part).mkdir(parents=True)
prepare("sample", Path("/nowhere"), Path(sys.argv[2]), int(sys.argv[3]))
"""


def torch_python(cache_dir: Path) -> str:
    """The interpreter of the torch environment, built first where it is missing."""
    return interpreter_of("torch", cache_dir)


def interpreter_of(profile: str, cache_dir: Path) -> str:
    """The interpreter of a profile's environment, built first where it is missing."""

    async def build() -> Path:
        environments = Environments(cache_dir, await find_interpreter())
        folder = (await environments.prepare(profiles.load(profile))).folder
        assert folder is not None
        return folder

    return str(anyio.run(build) / "bin/python3")


def run_program(python: str, program: str, *arguments: str, cwd: Path | None = None) -> str:
    """What a program prints in the environment; one that fails, fails the test."""
    command = [python, "-I", "-B", "-c", program, *arguments]
    ended = subprocess.run(command, cwd=cwd, env=FEW_THREADS, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def prepare_sample(python: str, task: TaskSpec, out: Path, *, seed: int = 1) -> Path:
    """Prepare a task's sample data in `out`."""
    run_program(python, PREPARE, str(task.folder), str(out), str(seed))
    return out


def judged(
    root: Path,
    python: str,
    task: TaskSpec,
    hidden: Path,
    submissions: Mapping[str, Mapping[str, str | bytes] | bytes],
    *,
    phase: str = "validate",
) -> dict[str, dict[str, Any]]:
    """The verdicts on submissions, files by name or a tar, by one process of the real judge."""
    for name, files in submissions.items():
        (root / name / "workspace").mkdir(parents=True)
        (root / name / "grader").mkdir()
        (root / name / "grader/grader.py").write_bytes(task.grader.read_bytes())
        (root / name / "hidden").symlink_to(hidden)
        artefact = files if isinstance(files, bytes) else pack(files)
        (root / name / "workspace/artefact.tar").write_bytes(artefact)
    printed = run_program(python, JUDGE, str(RUNNERS), phase, *(str(root / name) for name in submissions))
    verdicts = [
        json.loads(line.removeprefix("verdict ")) for line in printed.splitlines() if line.startswith("verdict ")
    ]
    return dict(zip(submissions, verdicts, strict=True))
