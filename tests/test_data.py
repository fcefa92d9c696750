"""Data: sources are found and checked, prepared in a sandbox, and split by the data folder's secret."""

import gzip
import hashlib
import re
import shutil
from collections.abc import Callable
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
    {checksum}
    local: [{local}]
    hint: "ask a friend"
"""


def task_with_source(folder: Path, local: Path, content: bytes | None) -> TaskSpec:
    """A task whose one source has this content, or whatever is found where that is None."""
    task = write_task(folder, grader=GRADER, data=COPY)
    text = (task.folder / "task.yaml").read_text()
    checksum = "checksum: unverified"
    if content is not None:
        checksum = f"sha256: {hashlib.sha256(content).hexdigest()}\n    size: {len(content)}"
    (task.folder / "task.yaml").write_text(text + SOURCE.format(checksum=checksum, local=local))
    return TaskSpec.load(task.folder)


async def inbox_of(arena: Arena, task: TaskSpec) -> Path:
    """The folder that the message about a missing source names."""
    with pytest.raises(DataMissing) as missing:
        await arena.data.prepare(task, "full")
    found = re.search(r"put it \(or numbers\.txt\.gz\) in (\S+), or ask a friend", str(missing.value))
    assert found, missing.value
    return Path(found[1])


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("numbers.txt", b"1 2 4"),
        ("numbers.txt.gz", gzip.compress(b"1 2 3 4")),
        ("numbers.txt.gz", gzip.compress(b"1 2 3")[:-6]),
        ("numbers.txt.gz", b"1 2 3"),
    ],
    ids=["other", "packed", "cut off", "not packed"],
)
async def test_a_file_that_is_not_what_it_should_be_is_refused_where_the_message_said_to_put_it(
    tmp_path: Path, name: str, content: bytes
) -> None:
    arena = await Arena.open(tmp_path)
    task = task_with_source(tmp_path / "copy", tmp_path / "nowhere", b"1 2 3")
    (await inbox_of(arena, task) / name).write_bytes(content)
    with pytest.raises(DataMissing, match="not the file it should be"):
        await arena.data.prepare(task, "full")
    assert [path for path in (tmp_path / "cache/sources").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("content", [b"1 2 3", None], ids=["with a checksum", "unverified"])
@pytest.mark.parametrize(("name", "pack"), [("numbers.txt", bytes), ("numbers.txt.gz", gzip.compress)])
async def test_a_file_is_taken_from_where_the_message_said_to_put_it(
    tmp_path: Path, content: bytes | None, name: str, pack: Callable[[bytes], bytes]
) -> None:
    arena = await Arena.open(tmp_path)
    task = task_with_source(tmp_path / "copy", tmp_path / "nowhere", content)
    (await inbox_of(arena, task) / name).write_bytes(pack(b"1 2 3"))
    prepared = await arena.data.prepare(task)
    assert (prepared.flavour, (prepared.public / "numbers.txt").read_text()) == ("full", "1 2 3")


async def test_a_source_without_a_checksum_stays_what_it_was_at_first(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    task = task_with_source(tmp_path / "copy", tmp_path, None)
    (tmp_path / "numbers.txt").write_bytes(b"1 2 3")
    prepared = await arena.data.prepare(task, "full")
    (tmp_path / "numbers.txt").write_bytes(b"4 5 6")
    shutil.rmtree(prepared.public.parent)
    again = await arena.data.prepare(task, "full")
    assert (again.public / "numbers.txt").read_text() == "1 2 3"
    [checked] = (tmp_path / "cache/sources").rglob("numbers.txt")
    assert checked.with_name("numbers.txt.sha256").read_text().strip() == hashlib.sha256(b"1 2 3").hexdigest()
    checked.unlink()
    shutil.rmtree(prepared.public.parent)
    with pytest.raises(DataMissing, match="not the file it should be"):
        await arena.data.prepare(task, "full")


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


async def test_a_variant_is_prepared_by_what_its_parent_has(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    parent = task_with_source(tmp_path / "copy", tmp_path / "nowhere", b"1 2 3")
    (await inbox_of(arena, parent) / "numbers.txt").write_bytes(b"1 2 3")
    (parent.folder.parent / "bare-v1").mkdir()
    (parent.folder.parent / "bare-v1/task.yaml").write_text("{id: bare-v1, extends: copy-v1, title: Bare}")
    variant = TaskSpec.load(parent.folder.parent / "bare-v1")
    prepared = await arena.data.prepare(variant)
    assert (prepared.flavour, (prepared.public / "numbers.txt").read_text()) == ("full", "1 2 3")
    assert prepared.hidden != (await arena.data.prepare(parent)).hidden


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
