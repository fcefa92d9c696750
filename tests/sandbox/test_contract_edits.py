"""Edits: one replacement that must be unique, and lines put in between."""

from pathlib import Path

import anyio
import pytest

from mlgym_mcp.errors import CommandRefused
from tests.sandbox.boxes import WATCHED, every_sandbox, every_sandbox_and_the_fake, open_box

TEXT = b"def f():\n    return 1\n\ndef g():\n    return 2\n"


@every_sandbox_and_the_fake
async def test_a_unique_text_is_replaced_and_its_surroundings_shown(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", TEXT)
        shown = await box.guest.str_replace("file", b"    return 1\n", b"    x = 1\n    return x\n")
        assert b"     2\t    x = 1\n     3\t    return x\n" in shown
        assert await box.guest.read("file", max_size=1000) == TEXT.replace(b"    return 1", b"    x = 1\n    return x")


@every_sandbox
async def test_an_ambiguous_text_is_refused_with_its_lines(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", TEXT)
        with pytest.raises(CommandRefused, match="occurs 2 times in file, at lines 2, 5"):
            await box.guest.str_replace("file", b"return", b"yield")
        with pytest.raises(CommandRefused, match="occurs 2 times"):
            await box.guest.create("aaa", b"aaa")
            await box.guest.str_replace("aaa", b"aa", b"b")
        assert await box.guest.read("file", max_size=1000) == TEXT


@every_sandbox
@pytest.mark.parametrize(
    ("old", "hint"),
    [
        (b"def f():\n  return 1", "white space"),
        (b"def g():\n    return 3", "line 4"),
        (b"class H:", "was not found"),
        (b"", "is empty"),
    ],
)
async def test_an_absent_text_is_refused_with_a_hint(kind: str, old: bytes, hint: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", TEXT)
        with pytest.raises(CommandRefused, match=hint):
            await box.guest.str_replace("file", old, b"x")


@every_sandbox_and_the_fake
@pytest.mark.parametrize(("line", "expected"), [(0, b"new\na\nb\n"), (1, b"a\nnew\nb\n"), (2, b"a\nb\nnew\n")])
async def test_lines_are_put_in_after_a_line(kind: str, line: int, expected: bytes, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"a\nb\n")
        assert b"\tnew\n" in await box.guest.insert("file", line, b"new")
        assert await box.guest.read("file", max_size=100) == expected


@every_sandbox_and_the_fake
@pytest.mark.parametrize("line", [-1, 3])
async def test_a_line_outside_the_file_is_refused(kind: str, line: int, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"a\nb\n")
        with pytest.raises(CommandRefused, match="has 2 lines; give 0 to 2"):
            await box.guest.insert("file", line, b"new")


@every_sandbox
async def test_lines_go_in_after_a_last_line_without_an_end(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"a")
        await box.guest.insert("file", 1, b"b\n")
        await box.guest.create("none", b"")
        await box.guest.insert("none", 0, b"first")
        assert await box.output("cat file none") == "a\nb\nfirst\n"


@every_sandbox
async def test_an_edit_leaves_nothing_beside_the_file(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("sub/file", b"a b")
        await box.guest.str_replace("sub/file", b"a", b"c")
        await box.guest.write("sub/file", b"whole")
        assert await box.output("ls -A sub; cat sub/file") == "file\nwhole"


@pytest.mark.skipif(WATCHED, reason="a watched disk is not full, its writers are stopped")
@every_sandbox
async def test_a_full_disk_refuses_an_edit_and_loses_nothing(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("precious", b"kept")
        assert (await box.run("cat /dev/zero > filler")).exit_code == 1
        with pytest.raises(CommandRefused, match="No space left.*it is as it was"):
            await box.guest.create("precious", bytes(1_000_000))
        with pytest.raises(CommandRefused, match="No space left"):
            await box.guest.write("precious", bytes(1_000_000))
        assert await box.guest.read("precious", max_size=100) == b"kept"
        assert await box.output("ls -A; echo still here") == "filler\nlost+found\nprecious\nstill here\n".replace(
            "lost+found\n", ""
        )
        await box.run("rm filler")
        await box.guest.create("precious", bytes(1_000_000))


@every_sandbox
async def test_edits_beside_each_other_do_not_mix(kind: str, tmp_path: Path) -> None:
    async with open_box(kind, tmp_path) as box, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(box.guest.create, "file", b"%d" % number * 1000)
    async with open_box(kind, tmp_path) as box:
        await box.guest.create("file", b"x")
        assert await box.output("ls -A") == "file\n"
