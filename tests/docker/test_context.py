"""What an image is built from; no engine is needed to see it."""

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from mlgym_mcp.sandbox.images import Built, Image, Images
from mlgym_mcp.sandbox.process import Progress
from mlgym_mcp.sandbox.profiles import Profile


class Recorder:
    """An engine that keeps what it is given to build."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    async def image(self, tag: str) -> Image | None:
        return Image("sha256:0", size=0, user="") if self.names else None

    async def build(
        self,
        context: IO[bytes],
        *,
        tag: str,
        arguments: Mapping[str, str],
        host_network: bool,
        progress: Progress,
    ) -> None:
        with tarfile.open(fileobj=context) as tar:
            self.names = set(tar.getnames())

    async def remove_stages(self, label: str) -> None:
        pass

    async def tagged(self, pattern: str) -> list[Built]:
        return []

    async def remove_image(self, tag: str) -> bool:
        return False


@pytest.mark.parametrize("own", [("certs", "mine.crt"), ("wheels", "mine.whl")])
async def test_what_lies_in_the_cache_folder_goes_into_the_build(tmp_path: Path, own: tuple[str, str]) -> None:
    kind, name = own
    (tmp_path / "docker" / kind).mkdir(parents=True)
    (tmp_path / "docker" / kind / name).touch()
    engine = Recorder()
    await Images(engine, tmp_path).built(Profile("tiny", "numpy"))
    assert {"Dockerfile", "certs", "wheels", "requirements/tiny.txt", f"{kind}/{name}"} <= engine.names
