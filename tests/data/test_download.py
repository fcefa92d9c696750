"""Full data is downloaded from a real web server: resumed, checked, and only when it is asked for."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgym_mcp.errors import DataMissing
from mlgym_mcp.tasks.spec import TaskSpec
from tests.data.serving import serving
from tests.scoring.arena import Arena, write_task

GRADER = "def grade(case): ..."
COPY = """
def prepare(flavour, sources, out, seed):
    for path in sources.glob("*"):
        (out / "public" / path.name).write_bytes(path.read_bytes())
"""
ROWS = b"".join(b"%d," % number for number in range(20_000))
HALF = len(ROWS) // 2


def task_of(folder: Path, *sources: dict[str, Any]) -> TaskSpec:
    """A task that copies its sources to its public data."""
    task = write_task(folder, grader=GRADER, data=COPY)
    with (task.folder / "task.yaml").open("a") as file:
        yaml.safe_dump({"sources": list(sources)}, file)
    return TaskSpec.load(task.folder)


def source(*urls: str, content: bytes = ROWS, name: str = "rows.csv", **fields: Any) -> dict[str, Any]:
    return {"name": name, "urls": list(urls), "sha256": hashlib.sha256(content).hexdigest(), **fields}


async def prepared(arena: Arena, task: TaskSpec) -> dict[str, bytes]:
    """The public data that comes of preparing the full data, downloads allowed."""
    made = await arena.data.prepare(task, "full", may_download=True)
    return {path.name: path.read_bytes() for path in made.public.iterdir()}


async def test_a_source_is_downloaded_checked_and_used(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    told = []

    async def tell(line: str) -> None:
        told.append(line)

    with serving({"files/rows.csv": ROWS}) as files:
        task = task_of(tmp_path / "copy", source(files.url("files/rows.csv")))
        made = await arena.data.prepare(task, "full", tell, may_download=True)
    assert (made.public / "rows.csv").read_bytes() == ROWS
    assert any(line.startswith("downloading rows.csv") for line in told)
    assert not list((tmp_path / "cache/sources/downloads").rglob("rows.csv*"))


async def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.csv": ROWS}) as files:
        files.breaks_after = [HALF]
        task = task_of(tmp_path / "copy", source(files.url("rows.csv")))
        assert await prepared(arena, task) == {"rows.csv": ROWS}
        assert files.asked == [("rows.csv", None), ("rows.csv", f"bytes={HALF}-")]


async def test_what_came_before_all_attempts_failed_is_used_by_the_next_command(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.csv": ROWS}) as files:
        files.breaks_after = [1000, 1000, 1000]
        task = task_of(tmp_path / "copy", source(files.url("rows.csv")))
        with pytest.raises(DataMissing, match="could not be downloaded"):
            await prepared(arena, task)
        assert await prepared(arena, task) == {"rows.csv": ROWS}
        assert files.asked[-1] == ("rows.csv", "bytes=3000-")


@pytest.mark.parametrize("changed", ["file", "server"])
async def test_a_download_begins_anew_where_it_can_not_go_on(tmp_path: Path, changed: str) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.csv": b"an older file" + ROWS}) as files:
        files.breaks_after = [100, 100, 100]
        task = task_of(tmp_path / "copy", source(files.url("rows.csv")))
        with pytest.raises(DataMissing):
            await prepared(arena, task)
        files.contents["rows.csv"] = ROWS
        files.resumes = changed == "file"
        assert await prepared(arena, task) == {"rows.csv": ROWS}


async def test_the_next_address_is_tried_after_one_that_lacks_the_file_or_has_another(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"other/rows.csv": b"something else", "good/rows.csv": ROWS}) as files:
        urls = [files.url(f"{place}/rows.csv") for place in ("absent", "other", "good")]
        assert await prepared(arena, task_of(tmp_path / "copy", source(*urls))) == {"rows.csv": ROWS}


async def test_a_wrong_checksum_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.csv": b"something else"}) as files:
        task = task_of(tmp_path / "copy", source(files.url("rows.csv")))
        for _ in range(2):
            with pytest.raises(DataMissing, match=r"expected are .*SHA-256.*put it in .*sources/copy-v1"):
                await prepared(arena, task)
        assert len(files.asked) == 2, "a bad file is not kept"


async def test_without_a_network_the_message_names_file_folder_and_address(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({}) as files:
        url = files.url("rows.csv")
    with pytest.raises(DataMissing) as missing:
        await prepared(arena, task_of(tmp_path / "copy", source(url, hint="ask a friend")))
    for part in ("rows.csv", url, str(tmp_path / "data/sources/copy-v1"), "ask a friend", "data prepare copy-v1"):
        assert part in str(missing.value)


async def test_a_session_never_downloads_and_is_told_the_command(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.csv": ROWS}) as files:
        task = task_of(tmp_path / "copy", source(files.url("rows.csv")))
        with pytest.raises(DataMissing, match=r"run: mlgym-mcp data prepare copy-v1 --flavour full"):
            await arena.data.prepare(task, "full")
        assert (await arena.data.prepare(task)).flavour == "sample"
        assert files.asked == []


def packed_zip(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def packed_tar(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "pack"), [("zip", packed_zip), ("tar", packed_tar)])
async def test_sources_of_one_archive_share_a_download(tmp_path: Path, kind: str, pack: Any) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"all.archive": pack({"in/train.csv": ROWS, "in/test.csv": b"1,2"})}) as files:
        url = files.url("all.archive")
        train = source(url, name="train.csv", unpack=kind, member="in/train.csv")
        test = source(url, name="test.csv", content=b"1,2", unpack=kind, member="in/test.csv")
        task = task_of(tmp_path / "copy", train, test)
        assert await prepared(arena, task) == {"train.csv": ROWS, "test.csv": b"1,2"}
        assert len(files.asked) == 1


async def test_an_archive_that_somebody_put_there_needs_no_download(tmp_path: Path) -> None:
    arena = await Arena.open(tmp_path)
    url = "http://127.0.0.1:9/all.zip"
    task = task_of(tmp_path / "copy", source(url, unpack="zip", member="in/rows.csv"))
    inbox = tmp_path / "data/sources/copy-v1"
    inbox.mkdir(parents=True)
    (inbox / "all.zip").write_bytes(packed_zip({"in/rows.csv": ROWS}))
    made = await arena.data.prepare(task)
    assert (made.flavour, (made.public / "rows.csv").read_bytes()) == ("full", ROWS)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (packed_zip({"other.csv": ROWS}), {"unpack": "zip", "member": "in/rows.csv"}),
        (b"no archive", {"unpack": "zip", "member": "in/rows.csv"}),
        (packed_tar({"other.csv": ROWS}), {"unpack": "tar", "member": "in/rows.csv"}),
        (b"no archive", {"unpack": "tar", "member": "in/rows.csv"}),
        (gzip.compress(ROWS)[:-9], {"unpack": "gzip"}),
    ],
)
async def test_what_can_not_be_unpacked_is_told(tmp_path: Path, content: bytes, fields: dict[str, Any]) -> None:
    arena = await Arena.open(tmp_path)
    with serving({"rows.packed": content}) as files:
        task = task_of(tmp_path / "copy", source(files.url("rows.packed"), **fields))
        with pytest.raises(DataMissing, match="can't be unpacked"):
            await prepared(arena, task)
