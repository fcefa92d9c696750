"""Docker's environments: one image a profile, named by what it is made of."""

import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Literal, Protocol

from anyio import to_thread

from mlgym_mcp import assets
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sandbox.profiles import Profile, own_folders, short_hash

_DOCKERFILE = "Dockerfile"
_LOCAL: dict[Literal["certs", "wheels"], str] = {"certs": "*.crt", "wheels": "*.whl"}
"""Folders of this machine's own; they go into a build, not into an image's name."""


class Engine(Protocol):
    """What building and finding images needs of a Docker engine."""

    async def image_id(self, tag: str) -> str | None:
        """The id (`sha256:…`) of the image of this tag; None when there is none."""

    async def build(self, context: IO[bytes], *, tag: str, arguments: Mapping[str, str], progress: Progress) -> None:
        """Build the context, a tar with a Dockerfile in it.

        Raises:
            SetupError: it could not be built.
        """


@dataclass(frozen=True, slots=True)
class Images:
    """The images of the profiles on one engine."""

    engine: Engine
    cache_dir: Path | None = None
    """Its `docker/certs` and `docker/wheels` go into builds too: an installed wheel has no such folders of its own."""

    def tag(self, profile: Profile) -> str:
        """The name of the profile's image, which changes with the Dockerfile and the requirements."""
        made_of = short_hash((assets.folder("docker") / _DOCKERFILE).read_bytes(), profile.requirements)
        return f"mlgym-mcp-{profile.name}:{made_of}"

    async def exists(self, profile: Profile) -> bool:
        """Whether the profile's image is there."""
        return await self.engine.image_id(self.tag(profile)) is not None

    async def digest(self, profile: Profile) -> str:
        """The id of the profile's image, to write into scores.

        Raises:
            SetupError: it has not been built; the message names the command.
        """
        tag = self.tag(profile)
        if (found := await self.engine.image_id(tag)) is None:
            raise SetupError(f"there is no image {tag}; build it: mlgym-mcp images build {profile.name}")
        return found

    async def build(self, profile: Profile, progress: Progress = silent) -> str:
        """Build the profile's image if it is not there; returns its tag.

        Raises:
            SetupError: it could not be built.
        """
        tag = self.tag(profile)
        if await self.engine.image_id(tag) is None:
            with tempfile.TemporaryFile() as context:
                await to_thread.run_sync(self._write_context, profile, context)
                await self.engine.build(context, tag=tag, arguments={"PROFILE": profile.name}, progress=progress)
        return tag

    def _write_context(self, profile: Profile, context: IO[bytes]) -> None:
        """Write what the build sees, a tar, and rewind it."""
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(assets.folder("docker") / _DOCKERFILE, _DOCKERFILE)
            for kind, pattern in _LOCAL.items():
                _add_folder(tar, kind)
                for folder in own_folders(kind, self.cache_dir):
                    for path in sorted(folder.glob(pattern)):
                        tar.add(path, f"{kind}/{path.name}")
            _add_folder(tar, "requirements")
            if not profile.bare:
                _add_text(tar, f"requirements/{profile.name}.txt", profile.requirements)
        context.seek(0)


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    """Add a folder even when it is empty, since COPY fails on one that is absent."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, BytesIO(data))
