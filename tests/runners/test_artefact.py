"""An artefact is unpacked below its folder, or refused as a fault, whatever made the tar."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import artefact
import pytest
from judging import Fault

from tests.runners.stage import pack

Forge = Callable[[tarfile.TarInfo], None]


def forged(name: str, forge: Forge = lambda member: None) -> bytes:
    """A tar of one member that `forge` has tampered with."""
    buffer = io.BytesIO()
    member = tarfile.TarInfo(name)
    forge(member)
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(member)
    return buffer.getvalue()


def of_type(kind: bytes, target: str = "") -> Forge:
    def forge(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, target

    return forge


def sparse(member: tarfile.TarInfo) -> None:
    """Claim a terabyte of holes."""
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": f"{2**40},0",
        "GNU.sparse.size": str(2**40),
    }


def unpack(folder: Path, archive: bytes) -> Path:
    (folder / "artefact.tar").write_bytes(archive)
    artefact.unpack(folder / "artefact.tar", folder / "below/submission")
    return folder / "below/submission"


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    target = unpack(tmp_path, pack({"a.txt": "one", "./deep/er/b.bin": b"\0\1"}))
    assert (target / "a.txt").read_text() == "one"
    assert (target / "deep/er/b.bin").read_bytes() == b"\0\1"


def test_modes_of_the_archive_are_not_kept(tmp_path: Path) -> None:
    target = unpack(tmp_path, forged("tool", lambda member: setattr(member, "mode", 0o6777)))
    assert (target / "tool").stat().st_mode & 0o7111 == 0


@pytest.mark.parametrize(
    "archive",
    [
        forged("/tmp/absolute"),
        forged("../outside"),
        forged("a/../../outside"),
        forged("x" * 1025),
        forged("x" * 300),
        forged("link", of_type(tarfile.SYMTYPE, "/etc/passwd")),
        forged("link", of_type(tarfile.LNKTYPE, "/etc/passwd")),
        forged("fifo", of_type(tarfile.FIFOTYPE)),
        forged("device", of_type(tarfile.CHRTYPE)),
        forged("sparse", of_type(tarfile.GNUTYPE_SPARSE)),
        forged("sparse", sparse),
        forged("link", of_type(tarfile.SYMTYPE, "/tmp"))[:512] + forged("link/file"),
        pack({"same": "1"})[:1024] + pack({"same": "2"}),
        pack({"a": "a file"})[:1024] + pack({"a/b": "and a folder"}),
        pack({"cut": "x" * 5000})[:2048],
        b"no tar at all" * 100,
        b"",
        b"\x1f\x8b" + bytes(1000),
    ],
)
def test_what_is_not_a_plain_tar_of_files_is_a_fault_and_writes_nothing_outside(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(Fault) as raised:
        unpack(tmp_path, archive)
    assert raised.value.code == "bad_archive"
    assert sorted(os.listdir(tmp_path)) == ["artefact.tar", "below"]
    assert os.listdir(tmp_path / "below") == ["submission"]


def test_too_many_files_are_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "MAX_FILES", 3)
    with pytest.raises(Fault, match="more than 3 files"):
        unpack(tmp_path, pack({str(number): "" for number in range(4)}))


def test_changed_bytes_are_unpacked_below_or_refused(tmp_path: Path) -> None:
    whole = pack({"a": "x" * 600, "b/c": "y"})
    for position in range(0, len(whole), 29):
        changed = bytearray(whole)
        changed[position] ^= 0x55
        folder = tmp_path / str(position)
        folder.mkdir()
        try:
            unpack(folder, bytes(changed))
        except Fault:
            continue


def test_headers_that_follow_headers_without_end_are_a_fault_and_no_failure_of_the_judge(tmp_path: Path) -> None:
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1
    with pytest.raises(Fault, match="can't be unpacked"):
        unpack(tmp_path, (long_name.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 2000)
