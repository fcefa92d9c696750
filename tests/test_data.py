"""Data: sources are found and checked, prepared in a sandbox, and split by the data folder's secret."""

import gzip
import hashlib
from pathlib import Path

import pytest

from mlgym_mcp.data import Data
from mlgym_mcp.errors import DataMissing, TaskSpecError
from mlgym_mcp.tasks.spec import TaskSpec
from tests.scoring.arena import Arena, new_sandbox, write_task

GRADER = "def grade(case): ..."
COPY = """
def prepare(flavour, sources, out, seed):
    text = (sources / "numbers.txt").read_text() if flavour == "full" else "made up"
    (out / "public" / "numbers.txt").write_text(text)
    (out / "hidden" / "seed.txt").write_text(str(seed))
"""
SOURCE = """
sources:
  - name: numbers.txt
    unpack: gzip
    sha256: {sha256}
    size: {size}
    local: [{local}]
    hint: "ask a friend"
"""


def task_with_source(folder: Path, local: Path, content: bytes) -> TaskSpec:
    task = write_task(folder, grader=GRADER, data=COPY)
    text = (task.folder / "task.yaml").read_text()
    source = SOURCE.format(sha256=hashlib.sha256(content).hexdigest(), size=len(content), local=local)
    (task.folder / "task.yaml").write_text(text + source)
    return TaskSpec.load(task.folder)


async def test_full_data_comes_from_a_packed_source_on_this_machine(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    (tmp_path / "numbers.txt.gz").write_bytes(gzip.compress(b"1 2 3"))
    prepared = await arena.data.prepare(task_with_source(tmp_path / "copy", tmp_path, b"1 2 3"))
    assert (prepared.flavour, (prepared.public / "numbers.txt").read_text()) == ("full", "1 2 3")


async def test_without_its_source_auto_takes_the_sample_and_full_says_what_to_do(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = task_with_source(tmp_path / "copy", tmp_path / "nowhere", b"1 2 3")
    assert (await arena.data.prepare(task)).flavour == "sample"
    with pytest.raises(DataMissing, match=r"numbers\.txt.*or ask a friend.*data prepare copy-v1 --flavour full"):
        await arena.data.prepare(task, "full")


async def test_a_source_that_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    (tmp_path / "numbers.txt").write_bytes(b"1 2 4")
    with pytest.raises(DataMissing, match="not the file it should be"):
        await arena.data.prepare(task_with_source(tmp_path / "copy", tmp_path, b"1 2 3"), "full")
    assert list((tmp_path / "cache/sources").rglob("*.txt")) == []


async def test_prepared_data_is_made_once_and_again_for_another_secret(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "seeds", grader=GRADER, data=COPY)
    first = await arena.data.prepare(task, "sample")
    again = await arena.data.prepare(task, "sample")
    other = await Data(tmp_path / "data", tmp_path / "cache", arena.backend, b"another", new_sandbox).prepare(
        task, "sample"
    )
    assert again.hidden == first.hidden != other.hidden
    assert (first.hidden / "seed.txt").read_text() != (other.hidden / "seed.txt").read_text()


async def test_a_data_program_that_fails_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = write_task(tmp_path / "bad", grader=GRADER, data="def prepare(*_): raise ValueError('no luck today')")
    with pytest.raises(TaskSpecError, match="no luck today"):
        await arena.data.prepare(task)
    assert [path.suffix for path in (tmp_path / "data/prepared/bad-v1").iterdir()] == [".lock"]
    assert await arena.backend.ids() == []


async def test_a_data_program_has_no_network(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    reach = "import socket\ndef prepare(*_): socket.create_connection(('192.0.2.1', 80), 5)"
    with pytest.raises(TaskSpecError, match="unreachable"):
        await arena.data.prepare(write_task(tmp_path / "net", grader=GRADER, data=reach))
