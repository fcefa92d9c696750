"""Data is prepared by the task's data.py."""

import os
import select
import subprocess
import sys
from pathlib import Path

from tests.runners.stage import RUNNERS

DATA = """
from words import WORD

def prepare(flavour, sources, out, seed):
    print("noise")
    (out / "public/a.txt").write_text(f"{flavour} {seed} {WORD}")
    (out / "hidden/b.txt").write_text((sources / "s.txt").read_text())
"""


WAITING = """
def prepare(flavour, sources, out, seed):
    print("at work", flush=True)
    (sources / "s.txt").read_text()
"""


def run_prepare(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(RUNNERS / "prepare.py"), *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lay(root: Path, data: str) -> None:
    for name, text in {"task/data.py": data, "task/words.py": "WORD = 'word'", "sources/s.txt": "source"}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


def test_data_py_writes_into_its_folders_and_prints_to_stderr(tmp_path: Path) -> None:
    lay(tmp_path, DATA)
    done = run_prepare(tmp_path, "sample", "7")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "noise\n")
    assert (tmp_path / "workspace/out/public/a.txt").read_text() == "sample 7 word"
    assert (tmp_path / "workspace/out/hidden/b.txt").read_text() == "source"


def test_a_failure_of_data_py_is_an_exit_status_and_a_traceback(tmp_path: Path) -> None:
    lay(tmp_path, "def prepare(flavour, sources, out, seed):\n    raise ValueError('not the data')\n")
    done = run_prepare(tmp_path, "full", "7")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ValueError: not the data" in done.stderr


def test_the_output_does_not_end_before_the_work(tmp_path: Path) -> None:
    lay(tmp_path, WAITING)
    (tmp_path / "sources/s.txt").unlink()
    os.mkfifo(tmp_path / "sources/s.txt")
    command = [sys.executable, "-I", str(RUNNERS / "prepare.py"), "sample", "7", "--root", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout and started.stderr
        assert started.stderr.readline() == b"at work\n"
        ended, _, _ = select.select([started.stdout], [], [], 0)
        (tmp_path / "sources/s.txt").write_text("go on")
        assert started.stdout.read() == b""
    assert (ended, started.returncode) == ([], 0)
