"""`data verify` tells whether sources and prepared data are still what they were."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.cli.terminal import printed, ran
from tests.fakes import TASK, write_task

MAKE = """
def prepare(flavour, sources, out, seed):
    (out / "public/given.txt").write_text("given")
    (out / "hidden/answer.txt").write_text("answer")
"""


def prepared(root: Path) -> tuple[str, ...]:
    """A task whose full data is prepared, and the options that name its folders."""
    content = b"1 2 3"
    source = {"name": "rows.txt", "sha256": hashlib.sha256(content).hexdigest(), "local": [str(root)]}
    (root / "rows.txt").write_bytes(content)
    (write_task(root / "tasks", sources=[source]) / "data.py").write_text(MAKE)
    folders = ("--tasks-dir", str(root / "tasks"), "--data-dir", str(root / "data"))
    cache = str(root / "cache")
    printed("data", "prepare", TASK, "--sandbox", "bubblewrap", *folders, MLGYM_MCP_CACHE_DIR=cache)
    return folders


def verdict(root: Path, folders: tuple[str, ...]) -> tuple[int, str]:
    ended = ran("data", "verify", TASK, *folders, MLGYM_MCP_CACHE_DIR=str(root / "cache"))
    return ended.exit_code, ended.output


def test_data_that_nobody_touched_is_as_it_was(tmp_path: Path) -> None:
    code, said = verdict(tmp_path, prepared(tmp_path))
    assert code == 0 and said.count("as it was") == 2


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("data/prepared/*/full-*/hidden/answer.txt", "hidden/answer.txt has other bytes"),
        ("cache/sources/*/rows.txt", "its SHA-256 is"),
    ],
)
def test_other_bytes_are_told_with_what_to_remove(tmp_path: Path, place: str, said: str) -> None:
    folders = prepared(tmp_path)
    [path] = tmp_path.glob(place)
    path.write_bytes(b"other")
    code, output = verdict(tmp_path, folders)
    assert code == 1 and said in output and "remove" in output


def test_files_that_are_gone_or_new_are_told(tmp_path: Path) -> None:
    folders = prepared(tmp_path)
    [hidden] = tmp_path.glob("data/prepared/*/full-*/hidden")
    (hidden / "answer.txt").unlink()
    (hidden / "another.txt").touch()
    code, output = verdict(tmp_path, folders)
    assert code == 1 and "hidden/another.txt is new and 1 more" in output.replace(os.linesep, " ")
