"""Artefacts that a hostile guest packs: they are unpacked within their folder, or refused, and nothing is left."""

import io
import tarfile
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from mlgym_mcp.errors import SetupError
from mlgym_mcp.store.unpacking import unpack
from tests.fuzz.strategies import ODD_TEXTS, spoilt, words

NAMES = st.sampled_from(["a.py", "b/c.py", "b", "../up", "/abs", "b/../../up", ".", "", "a/./b", "C:\\x", "n" * 300])
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]) | (
    st.sampled_from([tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE, tarfile.AREGTYPE, b"x", b"g", b"Z"])
)
PAX = st.dictionaries(
    st.sampled_from(["path", "size", "linkpath", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.major", "mtime"])
    | st.sampled_from(["GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize", "hdrcharset", "uid"]),
    st.sampled_from(["", "-1", "1", "0", "1e999", "9" * 400, "0,1", "../up", "BINARY", "nan", *ODD_TEXTS[:6]]) | words,
    max_size=3,
)
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
MEMBERS = st.lists(st.tuples(NAMES | words, KINDS, st.binary(max_size=30), PAX), max_size=4)


def packed(members: list[tuple[str, bytes, bytes, dict[str, str]]], kind: int) -> bytes:
    """A tar of these members; those that the format has no place for are left out."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=kind, errors="surrogateescape") as tar:
        for name, sort, content, pax in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname, member.pax_headers = sort, len(content), "/etc/passwd", pax
            try:
                tar.addfile(member, io.BytesIO(content))
            except (ValueError, UnicodeEncodeError):
                pass
    return raw.getvalue()


def see_unpacking(archive: bytes) -> None:
    """See that an archive comes out within its folder, no larger than it is, or not at all."""
    with tempfile.TemporaryDirectory() as place:
        packed_at, target = Path(place) / "a.tar", Path(place) / "in" / "out"
        packed_at.write_bytes(archive)
        try:
            count = unpack(packed_at, target)
        except SetupError as error:
            assert len(str(error)) < 1000 and not list(target.iterdir())
        else:
            found = [path for path in target.rglob("*") if not path.is_dir()]
            assert len(found) == count and all(path.is_file() and not path.is_symlink() for path in found)
            assert sum(path.stat().st_size for path in found) <= len(archive)
        assert sorted(path.name for path in Path(place).iterdir()) == ["a.tar", "in"]
        assert [path.name for path in (Path(place) / "in").iterdir()] == ["out"]


SOUND = packed(
    [("a.py", tarfile.REGTYPE, b"mine", {}), ("b", tarfile.DIRTYPE, b"", {}), ("é" * 120, tarfile.REGTYPE, b"x", {})],
    tarfile.PAX_FORMAT,
)[: 20 * 512]


@given(MEMBERS, FORMATS)
def test_members_of_every_kind_are_unpacked_or_refused(
    members: list[tuple[str, bytes, bytes, dict[str, str]]], kind: int
) -> None:
    see_unpacking(packed(members, kind))


@given(spoilt(SOUND) | st.binary(max_size=600))
@example(b"")
@example(SOUND[:512] * 40)
@example(bytes(512 * 50))
def test_bytes_that_may_be_a_tar_are_unpacked_or_refused(archive: bytes) -> None:
    see_unpacking(archive)
