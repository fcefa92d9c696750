"""Sources as they come: copied out of their packing, and told by their checksum."""

import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from mlgym_mcp.errors import DataMissing
from mlgym_mcp.tasks.source import Source

PIECE = 1 << 20
_BAD = (EOFError, OSError, KeyError, RuntimeError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile)
_BAD_STREAM = (zlib.error, lzma.LZMAError)


class Readable(Protocol):
    """Where bytes come from, piece by piece."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


class Content(NamedTuple):
    """What a file holds, in short."""

    sha256: str
    size: int
    """In bytes."""


def copy(source: Source, found: Path, place: Path, *, packed: bool) -> Content:
    """Copy a source out of the file that was found.

    Raises:
        DataMissing: it can't be unpacked, or the archive lacks the member.
    """
    digest = hashlib.sha256()
    try:
        with _opened(source, found, packed=packed) as reader, place.open("wb") as writer:
            while piece := reader.read(PIECE):
                digest.update(piece)
                writer.write(piece)
    except (*_BAD, *_BAD_STREAM) as error:
        raise DataMissing(f"{found} is not the file it should be: it can't be unpacked ({error})") from None
    return Content(digest.hexdigest(), place.stat().st_size)


def content_of(path: Path) -> Content:
    """What a file holds."""
    with path.open("rb") as file:
        return Content(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


@contextmanager
def _opened(source: Source, found: Path, *, packed: bool) -> Iterator[Readable]:
    if not packed:
        with found.open("rb") as plain:
            yield plain
    elif source.unpack == "gzip":
        with gzip.open(found, "rb") as unzipped:
            yield unzipped
    elif source.unpack == "zip":
        with zipfile.ZipFile(found) as archive, archive.open(source.member or "") as member:
            yield member
    else:
        with tarfile.open(found) as tar:
            extracted = tar.extractfile(source.member or "")
            if extracted is None:
                raise KeyError(f"{source.member} is no regular file")
            with extracted:
                yield extracted
