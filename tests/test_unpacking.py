"""Unpacking an artefact on the host, though an untrusted guest made it."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgym_mcp.errors import SetupError
from mlgym_mcp.store import unpacking
from mlgym_mcp.store.unpacking import unpack

Member = tuple[str, bytes, bytes]
"""Name, type, content."""


def packed(path: Path, *members: Member, change: Callable[[tarfile.TarInfo], None] | None = None) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            if change is not None:
                change(member)
            tar.addfile(member, io.BytesIO(content))
    return path


def file(name: str, content: bytes = b"mine") -> Member:
    return (name, tarfile.REGTYPE, content)


def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    long = "n" * 120 + ".py"
    archive = packed(
        tmp_path / "a.tar", file("a.py"), file("deep/er/b.py", b"b"), ("empty", tarfile.DIRTYPE, b""), file(long)
    )
    assert unpack(archive, tmp_path / "new/out") == 3
    out = tmp_path / "new/out"
    assert (out / "a.py").read_bytes() == (out / long).read_bytes() == b"mine"
    assert (out / "deep/er/b.py").read_bytes() == b"b"
    assert list((out / "empty").iterdir()) == []


def test_modes_of_the_archive_are_not_kept(tmp_path: Path) -> None:
    def set_mode(member: tarfile.TarInfo) -> None:
        member.mode = 0o6777

    unpack(packed(tmp_path / "a.tar", file("a.py"), change=set_mode), tmp_path / "out")
    assert (tmp_path / "out/a.py").stat().st_mode & 0o6111 == 0


@pytest.mark.parametrize(
    "members",
    [
        [file("/abs.py")],
        [file("../up.py")],
        [file("a/../../up.py")],
        [("link", tarfile.SYMTYPE, b"")],
        [("link", tarfile.LNKTYPE, b"")],
        [("pipe", tarfile.FIFOTYPE, b"")],
        [("device", tarfile.CHRTYPE, b"")],
        [("sparse", tarfile.GNUTYPE_SPARSE, b"x")],
        [file("twice"), file("twice")],
        [file("a"), file("a/b")],
        [file("n" * 2000)],
        [file("d/" * 100 + "f")],
        [file(".")],
    ],
    ids=lambda members: members[-1][0][:12],
)
def test_what_no_artefact_should_hold_is_refused_and_nothing_is_left(tmp_path: Path, members: list[Member]) -> None:
    archive = packed(tmp_path / "a.tar", file("before/it.py"), *members)
    with pytest.raises(SetupError, match="can't be unpacked"):
        unpack(archive, tmp_path / "in/out")
    assert list((tmp_path / "in").rglob("*")) == [tmp_path / "in/out"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "in"]


def test_too_many_files_and_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_ENTRIES", 10)
    archive = packed(tmp_path / "a.tar", file("1/2/3/4/5/6/7/8/9/10"))
    with pytest.raises(SetupError, match="more than 10 files and folders"):
        unpack(archive, tmp_path / "out")


def header(kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo("h")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "headers",
    [
        (header(tarfile.GNUTYPE_LONGNAME, 1) + b"n".ljust(512, b"\0")) * 2000,
        header(tarfile.XHDTYPE, 1 << 19) + b"1" * (1 << 19),  # hours, for a regular expression
        b"\xff".join([header(tarfile.XHDTYPE, 0)[:124], header(tarfile.XHDTYPE, 0)[125:]]),
    ],
    ids=["nested without end", "too long", "of a size below zero"],
)
def test_headers_that_are_made_to_stop_the_reader_are_refused(tmp_path: Path, headers: bytes) -> None:
    archive = packed(tmp_path / "a.tar", file("a.py"))
    archive.write_bytes(headers + archive.read_bytes())
    with pytest.raises(SetupError, match="can't be unpacked"):
        unpack(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_archive_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar", file("big", bytes(100_000)))
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(SetupError, match="claims more than the artefact holds"):
        unpack(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(SetupError, match="is not empty"):
        unpack(packed(tmp_path / "a.tar", file("a.py")), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_place_that_can_not_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(SetupError, match="can't be used"):
        unpack(packed(tmp_path / "a.tar", file("a.py")), tmp_path / "out")
