"""Docker's environments: one image a profile, named by what it is made of."""

import re
import secrets
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Literal, Protocol

import anyio
from anyio import to_thread

from mlgym_mcp import assets
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sandbox import pip_settings
from mlgym_mcp.sandbox.pip_settings import PipSettings, on_this_machine
from mlgym_mcp.sandbox.process import Progress, silent
from mlgym_mcp.sandbox.profiles import Profile, load, names, own_folders, short_hash

_DOCKERFILE = "Dockerfile"
NAME = re.compile(r"mlgym-mcp-[a-z0-9-]+:[0-9a-f]{12}")
_LABEL = "mlgym-mcp.build"
_LOCAL: dict[Literal["certs", "wheels"], str] = {"certs": "*.crt", "wheels": "*.whl"}
"""Folders of this machine's own; they go into a build, not into an image's name."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is there."""

    id: str
    """`sha256:…`; what scores name it by."""
    size: int
    """In bytes, with all its layers."""
    user: str
    """Whom its programs run as unless told otherwise; empty for root."""


@dataclass(frozen=True, slots=True)
class Built:
    """An image that was built at some time. Size in bytes, with layers that it shares; seconds since the epoch."""

    tag: str
    size: int
    built_at: float


class Engine(Protocol):
    """What building and finding images needs of a Docker engine."""

    async def image(self, tag: str) -> Image | None:
        """The image of this tag; None when there is none."""

    async def tagged(self, pattern: str) -> list[Built]:
        """The images whose tags match a pattern of the engine's."""

    async def remove_image(self, tag: str) -> bool:
        """Remove an image, unless a container is made of it; whether it did."""

    async def build(
        self,
        context: IO[bytes],
        *,
        tag: str,
        arguments: Mapping[str, str],
        host_network: bool,
        progress: Progress,
    ) -> None:
        """Build the context, a tar with a Dockerfile in it.

        Raises:
            SetupError: it could not be built.
        """

    async def remove_stages(self, label: str) -> None:
        """Remove the images without a tag that have this label (`key=value`), and what only they are made of."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images of the profiles on one engine."""

    engine: Engine
    cache_dir: Path | None = None
    """Its `docker/certs` and `docker/wheels` go into builds too: an installed wheel has no such folders of its own."""
    apt_mirror: str | None = None
    """Where Debian's packages come from; the base image's own addresses where not given."""

    def tag(self, profile: Profile) -> str:
        """The name of the profile's image, which changes with the Dockerfile and the requirements."""
        made_of = short_hash((assets.folder("docker") / _DOCKERFILE).read_bytes(), profile.requirements)
        return f"mlgym-mcp-{profile.name}:{made_of}"

    async def find(self, profile: Profile) -> Image | None:
        """The profile's image if it is there."""
        return await self.engine.image(self.tag(profile))

    async def all(self) -> dict[Built, bool]:
        """Every image that was built for a profile, and whether a shipped profile asks for it now."""
        asked_for = {self.tag(load(name)) for name in names(cuda=True)}
        found = await self.engine.tagged("mlgym-mcp-*")
        return {one: one.tag in asked_for for one in found if NAME.fullmatch(one.tag)}

    async def built(self, profile: Profile, progress: Progress = silent) -> Image:
        """The profile's image, built first if it is not there.

        Raises:
            SetupError: it could not be built.
        """
        if (found := await self.find(profile)) is None:
            await self._build(profile, progress)
            found = await self.find(profile)
        if found is None:
            raise SetupError(f"the image {self.tag(profile)} was removed as soon as it was built; build it again")
        return found

    async def _build(self, profile: Profile, progress: Progress) -> None:
        pip, build = await pip_settings.find(), secrets.token_hex(8)
        try:
            with tempfile.TemporaryFile() as context:
                await to_thread.run_sync(self._write_context, profile, pip, context)
                await self.engine.build(
                    context,
                    tag=self.tag(profile),
                    arguments={"PROFILE": profile.name, "BUILD": build, "APT_MIRROR": self.apt_mirror or ""},
                    host_network=any(map(on_this_machine, [*pip.addresses, self.apt_mirror or ""])),
                    progress=progress,
                )
        finally:  # also of a build that failed, since pip's settings may hold a password
            with anyio.CancelScope(shield=True):
                await self.engine.remove_stages(f"{_LABEL}={build}")

    def _write_context(self, profile: Profile, pip: PipSettings, context: IO[bytes]) -> None:
        """Write what the build sees, a tar, and rewind it."""
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(assets.folder("docker") / _DOCKERFILE, _DOCKERFILE)
            for kind, pattern in _LOCAL.items():
                _add_folder(tar, kind)
                for folder in own_folders(kind, self.cache_dir):
                    for path in sorted(folder.glob(pattern)):
                        tar.add(path, f"{kind}/{path.name}")
            _add_text(tar, "pip.conf", pip.as_config())
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
