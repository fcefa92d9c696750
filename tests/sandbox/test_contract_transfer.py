"""Whole files in and out, and the packing of a submission."""

import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused, InvalidSubmission
from mlgym_mcp.sandbox.base import MIB
from tests.sandbox.boxes import LIMITS, Box, every_sandbox, every_sandbox_and_the_fake, open_box, specify


async def packed(box: Box, *paths: str, max_size: int = 30 * MIB) -> dict[str, bytes]:
    """The files of a pack by name, and the certainty that no chunk was too large."""
    chunks = [chunk async for chunk in box.guest.pack(paths, max_size=max_size)]
    assert max(map(len, chunks)) <= 256 * 1024 or box.backend.name == "fake"
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file}


@every_sandbox_and_the_fake
async def test_twenty_megabytes_go_in_and_come_out(kind: str, tmp_path: Path) -> None:
    content = os.urandom(20 * MIB)
    async with open_box(kind, tmp_path) as box:
        await box.guest.write("deep/down/file", content)
        assert await box.guest.read("deep/down/file", max_size=20 * MIB) == content


@every_sandbox
async def test_a_file_is_written_from_pieces_with_its_mode(kind: str, tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for word in (b"#!/bin/sh\n", b"echo it ", b"runs\n"):
            yield word

    async with open_box(kind, tmp_path) as box:
        await box.guest.write("tool", pieces(), mode=0o755)
        assert await box.output("./tool; ls -A") == "it runs\ntool\n"


@every_sandbox
async def test_a_file_replaces_a_link_not_what_it_leads_to(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("echo old > target; ln -s target link; mkdir folder")
        await box.guest.write("link", b"new")
        assert await box.output("cat target link; test -L link || echo file") == "old\nnewfile\n"
        with pytest.raises(CommandRefused, match="is a folder"):
            await box.guest.write("folder", b"x")


@every_sandbox_and_the_fake
async def test_a_file_larger_than_wanted_is_not_read(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.write("file", bytes(1001))
        with pytest.raises(CommandRefused, match="more than 1000 bytes"):
            await box.guest.read("file", max_size=1000)


@every_sandbox
async def test_uploads_that_nobody_finishes_leave_nothing_open(kind: str, tmp_path: Path) -> None:
    async def stops_half_way() -> AsyncIterator[bytes]:
        yield b"half"
        raise EOFError

    async with open_box(kind, tmp_path) as box:
        for _ in range(40):
            with pytest.raises(EOFError):
                await box.guest.write("file", stops_half_way())
        assert int(await box.output("ls -A | wc -l")) <= 16


@every_sandbox_and_the_fake
async def test_a_pack_holds_files_and_folders_as_they_are(kind: str, tmp_path: Path) -> None:
    long = "long/" + "x" * 120
    files = {
        "model.py": b"def f(): ...\n",
        "out/a.bin": os.urandom(700_000),
        "out/sub/empty": b"",
        long: b"x",
        "čaj": b"y",
    }
    async with open_box(kind, tmp_path) as box:
        for name, content in files.items():
            await box.guest.write(name, content)
        assert await packed(box, "model.py", "out/", "./long", "čaj") == files


@every_sandbox
async def test_a_pack_of_the_whole_workspace_has_relative_names(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir a; echo 1 > a/b; echo 2 > c")
        assert await packed(box, ".") == {"a/b": b"1\n", "c": b"2\n"}


NO_SUBMISSIONS = [
    ("absent", "not in /workspace; write it first"),
    ("file/below", "write it first"),
    ("link", "symbolic link"),
    ("linked/file", "symbolic link"),
    ("with-link", "symbolic link"),
    ("pipe", "neither a regular file nor a folder"),
    ("with-pipe", "neither a regular file nor a folder"),
    ("/etc/passwd", "within the workspace"),
    ("../etc/passwd", "within the workspace"),
    ("folder/../../etc/passwd", "within the workspace"),
    ("large", "at most 1000 are taken"),
    ("shut", "Permission denied"),
    ("deep", "deep"),
    ("a\0b", "malformed"),
]


@every_sandbox
async def test_what_is_no_submission_is_refused(kind: str, tmp_path: Path) -> None:
    making = """echo x > file; ln -s /etc/passwd link; mkdir folder with-link with-pipe; ln -s folder linked
    echo x > folder/file; ln -s ../file with-link/l; mkfifo pipe with-pipe/p; head -c 1001 /dev/zero > large
    echo > shut; chmod 000 shut; python3 -c 'import os
    os.mkdir("deep"); os.chdir("deep")
    for i in range(1500): os.mkdir("d"); os.chdir("d")'""".replace("\n    ", "\n")
    async with open_box(kind, tmp_path) as box:
        await box.run(making)
        for path, reason in NO_SUBMISSIONS:
            with pytest.raises(InvalidSubmission, match=reason):
                await packed(box, path, max_size=1000)
            assert await packed(box, "file") == {"file": b"x\n"}


@every_sandbox
async def test_a_file_that_grows_while_it_is_packed_counts_as_it_was(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("head -c 2000000 /dev/zero > file")
        pack = box.guest.pack(["file"], max_size=2_000_000)
        chunks = [await anext(pack), await anext(pack)]
        await box.run("head -c 2000000 /dev/zero >> file")
        chunks += [chunk async for chunk in pack]
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            assert [(member.name, member.size) for member in tar.getmembers()] == [("file", 2_000_000)]


@every_sandbox
async def test_a_file_that_shrinks_or_is_exchanged_while_it_is_packed_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for change in ("truncate -s 10 b", "rm b; mkfifo b", "rm b; ln -s /etc/passwd b", "rm b; mkdir b", "rm b"):
            await box.run("rm -rf b; head -c 2000000 /dev/zero > a; head -c 2000000 /dev/zero > b")
            pack = box.guest.pack(["a", "b"], max_size=4_000_000)
            await anext(pack)
            await box.run(change)
            with pytest.raises(InvalidSubmission), anyio.fail_after(10):
                async for _ in pack:
                    pass


@every_sandbox
async def test_too_many_files_are_refused(kind: str, tmp_path: Path) -> None:
    spec = specify(limits=LIMITS.model_copy(update={"disk": 256 * MIB}))
    async with open_box(kind, tmp_path, spec) as box:
        await box.run("mkdir many; cd many; seq 10001 | xargs touch")
        with pytest.raises(InvalidSubmission, match="more than 10000 files"):
            await packed(box, "many")
