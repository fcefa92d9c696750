"""Files as the agent sees them: looked at, made, changed, and refused with a text that helps."""

import os
from pathlib import Path

import pytest

from mlgym_mcp.errors import CommandRefused
from mlgym_mcp.sandbox.base import MIB, Mount
from tests.sandbox.boxes import LIMITS, every_sandbox, every_sandbox_and_the_fake, open_box, specify

ODD_NAMES = [
    "with space",
    "it's",
    'a "quote"',
    "two\nlines",
    "čaj ☕",
    "-rf",
    "$(echo no)",
    "*",
    "a" * 255,
    "deep/er/one",
]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


@every_sandbox_and_the_fake
async def test_a_file_comes_back_numbered(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        assert not await box.guest.create("notes/a.txt", b"one\ntwo\nthree\n")
        assert await box.guest.create("notes/a.txt", b"one\ntwo\nthree")
        view = await box.guest.view("notes/a.txt")
        assert (view.kind, view.total_lines) == ("text", 3)
        assert view.data == b"     1\tone\n     2\ttwo\n     3\tthree\n"


@every_sandbox
async def test_paths_may_hold_anything(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for name in ODD_NAMES:
            await box.guest.create(name, name.encode())
            assert await box.guest.read(name, max_size=1000) == name.encode()
            assert name.encode().splitlines()[0] in (await box.guest.view(name)).data
        assert int(await box.output("find . -type f -print0 | tr -dc '\\0' | wc -c")) == len(ODD_NAMES)


@every_sandbox_and_the_fake
@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (2, 3, b"     2\tb\n     3\tc\n"),
        (4, -1, b"     4\td\n"),
        (3, 99, b"     3\tc\n     4\td\n"),
        (4, None, b"     4\td\n"),
    ],
)
async def test_a_range_of_lines_is_shown(kind: str, first: int, last: int | None, shown: bytes, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"a\nb\nc\nd\n")
        assert (await box.guest.view("file", first=first, last=last)).data == shown


@every_sandbox_and_the_fake
@pytest.mark.parametrize(("first", "last"), [(0, 2), (5, 6), (3, 2), (-1, 2)])
async def test_a_range_that_does_not_fit_is_refused(kind: str, first: int, last: int, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"a\nb\nc\nd\n")
        with pytest.raises(CommandRefused, match="has 4 lines"):
            await box.guest.view("file", first=first, last=last)


@every_sandbox
async def test_a_missing_file_is_refused_with_its_neighbours(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("src/model.py", b"")
        with pytest.raises(CommandRefused, match="No such file.*holds: model.py"):
            await box.guest.view("src/modle.py")
        with pytest.raises(CommandRefused, match="there is no folder"):
            await box.guest.view("scr/model.py")


@every_sandbox
async def test_a_folder_is_listed_two_levels_deep(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir -p a/b/c/d empty; touch top a/in .hidden a/b/deep a/b/c/deeper")
        view = await box.guest.view(".")
        assert (view.kind, view.data) == ("folder", b"a/\na/b/\na/in\nempty/\ntop\n")
        assert (await box.guest.view("empty")).data == b"(empty folder)\n"


@every_sandbox
async def test_what_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    paths = ["pipe", "socket", "/dev/null", "/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/1/maps"]
    async with open_box(kind, tmp_path) as box:
        await box.run("mkfifo pipe; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('socket')\"")
        for path in paths:
            with pytest.raises(CommandRefused, match="no regular file|can't be read|belongs to the kernel"):
                await box.guest.view(path)
            with pytest.raises(CommandRefused, match="no regular file|can't be written"):
                await box.guest.create(path, b"x")


@every_sandbox
async def test_a_folder_in_place_of_a_file_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir folder; touch file")
        with pytest.raises(CommandRefused, match="is a folder; name a file"):
            await box.guest.create("folder", b"")
        with pytest.raises(CommandRefused, match="is a folder; name a file"):
            await box.guest.str_replace("folder", b"a", b"b")
        with pytest.raises(CommandRefused, match="Not a directory"):
            await box.guest.create("file/below", b"")


@every_sandbox
async def test_a_closed_file_or_folder_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("echo x > shut; chmod 000 shut; echo x > fixed; chmod 444 fixed; mkdir -m 000 closed")
        with pytest.raises(CommandRefused, match="Permission denied"):
            await box.guest.view("shut")
        with pytest.raises(CommandRefused, match="Permission denied"):
            await box.guest.view("closed")
        with pytest.raises(CommandRefused, match="Permission denied; it is as it was"):
            await box.guest.create("fixed", b"y")
        with pytest.raises(CommandRefused, match="can't be written"):
            await box.guest.create("/usr/bin/evil", b"y")


@every_sandbox_and_the_fake
@pytest.mark.parametrize(("content", "kind_of_file"), [(PNG, "png"), (JPEG, "jpeg")])
async def test_an_image_is_shown_as_one(kind: str, content: bytes, kind_of_file: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.write("image", content)
        view = await box.guest.view("image")
        assert (view.kind, view.data) == (kind_of_file, content)


@every_sandbox
async def test_what_is_too_large_to_show_is_refused_or_cut(kind: str, tmp_path: Path) -> None:
    spec = specify(limits=LIMITS.model_copy(update={"disk": 128 * MIB}))
    async with open_box(kind, tmp_path, spec) as box:
        await box.guest.write("image", PNG + bytes(6 * MIB))
        with pytest.raises(CommandRefused, match="scale it down"):
            await box.guest.view("image")
        await box.run("seq 100000 > numbers; truncate -s 100M sparse")
        view = await box.guest.view("numbers")
        assert (view.truncated, view.total_lines, len(view.data)) == (True, 100_000, 256 * 1024)
        with pytest.raises(CommandRefused, match="too many to view"):
            await box.guest.view("sparse")


@every_sandbox
async def test_bytes_that_are_no_text_survive_an_edit(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.write("mixed", b"\xff\xfe one\n\x80 two\r\n")
        assert b"\xff" in (await box.guest.view("mixed")).data
        await box.guest.str_replace("mixed", b"one", b"1 \xfd")
        assert await box.guest.read("mixed", max_size=100) == b"\xff\xfe 1 \xfd\n\x80 two\r\n"


@every_sandbox
async def test_an_edit_keeps_the_mode_and_follows_a_link(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("mkdir sub; echo old > sub/tool; chmod 750 sub/tool; ln -s sub/tool link; ln -s nowhere dangling")
        await box.guest.str_replace("link", b"old", b"new")
        assert await box.output("stat -c %a sub/tool; cat sub/tool; readlink link") == "750\nnew\nsub/tool\n"
        await box.guest.create("dangling", b"made")
        assert await box.output("cat nowhere; readlink dangling; ls -A sub") == "madenowhere\ntool\n"


@every_sandbox
async def test_a_path_that_is_no_path_is_refused(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        for path in ("", "a\0b", "x" * 300, "y/" * 3000 + "z", "\ud800"):
            with pytest.raises(CommandRefused):
                await box.guest.view(path)
            with pytest.raises(CommandRefused):
                await box.guest.create(path, b"")
        with pytest.raises(CommandRefused, match="too long"):
            await box.guest.view("z" * 70_000)
        assert await box.output("echo fine") == "fine\n"


@every_sandbox
async def test_a_long_refusal_full_of_odd_names_still_arrives(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.run("for i in $(seq 30); do touch $(printf '\\001%.0s' $(seq 250))$i; done")
        with pytest.raises(CommandRefused, match="No such file"):
            await box.guest.view("\x01" * 255)


@every_sandbox
async def test_mounts_are_seen_and_not_writable(kind: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "public data", tmp_path / "grader.py"
    folder.mkdir()
    (folder / "train.csv").write_text("1,2\n")
    file.write_text("graded = True\n")
    for path in (tmp_path, folder):
        os.chmod(path, 0o755)
    mounts = (Mount(folder, "/data"), Mount(file, "/grader/grader.py"))
    async with open_box(kind, tmp_path, specify(mounts=mounts)) as box:
        assert await box.guest.read("/data/train.csv", max_size=100) == b"1,2\n"
        assert await box.output("cat /grader/grader.py") == "graded = True\n"
        assert (await box.run("touch /data/new || rm /data/train.csv || echo x > /grader/grader.py")).exit_code == 1
