"""Where a task's full data comes from: files, one by one, each with what is known of it."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from mlgym_mcp.tasks.measures import Part

Unpacking = Literal["gzip", "zip", "tar"]


def _http(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an address that begins with http:// or https://")
    return value


Url = Annotated[str, AfterValidator(_http)]


class Source(Part):
    """One file of the full data, checked as it is after unpacking."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """What data.py finds it as, in `sources`."""
    urls: tuple[Url, ...] = ()
    """Where it can be downloaded, as it is or packed; each is tried in turn."""
    unpack: Unpacking | None = None
    """How it is packed where it is downloaded; `tar` may be compressed."""
    member: str | None = None
    """Its path inside a `zip` or `tar`. Sources of the same archive share one download."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of the file, unpacked."""
    checksum: Literal["unverified"] | None = None
    """Stands where no checksum is known; the file is bound to what it was at first."""
    size: PositiveInt | None = None
    """Bytes, unpacked."""
    local: tuple[Path, ...] = ()
    """Folders of this machine where the file, packed or not, may lie already."""
    hint: str | None = None
    """How to get the file, for the message that says it is missing."""

    @property
    def packed_name(self) -> str | None:
        """What the packed file is called where somebody puts it; None where it comes unpacked."""
        if self.unpack is None:
            return None
        if self.unpack == "gzip":
            return f"{self.name}.gz"
        return file_name(self.urls[0]) if self.urls else f"{self.name}.{self.unpack}"

    @model_validator(mode="after")
    def _states_what_is_known(self) -> Self:
        if (self.sha256 is None) == (self.checksum is None):
            raise ValueError("exactly one of sha256 and `checksum: unverified` is expected")
        if (self.member is None) == (self.unpack in ("zip", "tar")):
            raise ValueError("`member` is expected for `unpack: zip` and `unpack: tar`, and for these only")
        return self


def file_name(url: str) -> str:
    """The last part of an address's path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name or "download"
