"""The commands of docs/adding-a-task.md work, one after the other, as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from mlgym_mcp.tasks.spec import TaskSpec

PAGE = Path(__file__).parents[2] / "docs/adding-a-task.md"
PATIENCE = 120.0


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_every_command_works_as_written(tmp_path: Path, cache_dir: Path) -> None:
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "MLGYM_MCP_SANDBOX": "bubblewrap",
        "MLGYM_MCP_DATA_DIR": str(tmp_path / "data"),
        "MLGYM_MCP_CACHE_DIR": str(cache_dir),
    }
    script = "".join(blocks("sh"))
    assert script.count("mlgym-mcp") >= 5
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "after submit" in ended.stdout and "as it was" in ended.stdout


def test_every_piece_of_a_description_is_read_as_one(tmp_path: Path) -> None:
    pieces = [yaml.safe_load(block) for block in blocks("yaml")]
    [variant] = [piece for piece in pieces if "extends" in piece]
    template = Path(__file__).parents[2] / "mlgym_mcp/tasks/templates/data"
    for name, fields in {"my-task-v1": {"id": "my-task-v1"}, variant["id"]: variant}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.yaml").write_text(yaml.safe_dump(fields))
    parent = yaml.safe_load((template / "task.yaml").read_text())
    for piece in pieces:
        parent |= {} if piece is variant else piece
    parent["metrics"] = [{"name": "accuracy", "goal": "maximize", "ranks": True}]
    (tmp_path / "my-task-v1/task.yaml").write_text(yaml.safe_dump(parent))
    for name in ("brief.md", "data.py", "grader.py"):
        (tmp_path / "my-task-v1" / name).write_text((template / name).read_text())
    task = TaskSpec.load(tmp_path / variant["id"])
    assert [source.name for source in task.sources] == ["train.csv", "test.csv"]
    assert task.baselines.tolerance == {"accuracy": 0.04}
