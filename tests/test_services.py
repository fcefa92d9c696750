"""What sessions stand on, put together for real."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from mlgym_mcp.errors import BackendUnavailable
from mlgym_mcp.sandbox import profiles
from mlgym_mcp.sandbox.docker import open_engine
from mlgym_mcp.sandbox.images import Images
from mlgym_mcp.services import open_backend, open_services
from mlgym_mcp.settings import Settings
from mlgym_mcp.tasks.catalog import Catalog
from tests.fakes import write_task

needs_bubblewrap = pytest.mark.skipif(
    not shutil.which("bwrap") and not os.environ.get("CI"), reason="bubblewrap is not installed"
)


def catalog(folder: Path, profile: str = "plain") -> Catalog:
    """A catalogue of one task of this profile."""
    write_task(folder / "tasks", environment={"profile": profile})
    return Catalog([folder / "tasks"])


def settings(folder: Path, sandbox: str) -> Settings:
    """Settings on folders of their own."""
    return Settings.load({"data_dir": folder / "data", "cache_dir": folder / "cache", "sandbox": sandbox}, environ={})


async def test_everything_opens_on_the_backend_that_is_named(tmp_path: Path) -> None:
    tasks = catalog(tmp_path)
    async with open_services(settings(tmp_path, "fake"), tasks) as services:
        assert services.backend.name == "fake"
        assert services.store.folder == tmp_path / "data"
        assert services.tasks is tasks


@needs_bubblewrap
async def test_auto_is_bubblewrap_where_no_engine_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    async with open_backend(settings(tmp_path, "auto"), catalog(tmp_path)) as backend:
        assert backend.name == "bubblewrap"


async def test_auto_says_what_is_missing_where_nothing_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailable, match="made here: bubblewrap: .*; no Docker engine answers: .*to mend it: "):
        async with open_backend(settings(tmp_path, "auto"), catalog(tmp_path)):
            pass


@needs_bubblewrap
async def test_auto_is_bubblewrap_where_an_engine_takes_the_call_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/mute.sock")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(f"{tmp_path}/mute.sock")
        mute.listen()
        async with open_backend(settings(tmp_path, "auto"), catalog(tmp_path)) as backend:
            assert backend.name == "bubblewrap"


@needs_bubblewrap
async def test_auto_does_not_stumble_over_a_task_that_is_broken_or_of_an_unknown_profile(tmp_path: Path) -> None:
    tasks = catalog(tmp_path)
    write_task(tmp_path / "tasks", id="broken-v1", title=None)
    write_task(tmp_path / "tasks", id="unknown-v1", environment={"profile": "unheard-of"})
    async with open_backend(settings(tmp_path, "auto"), tasks) as backend:
        assert backend.name in ("docker", "bubblewrap")


@pytest.mark.docker
async def test_auto_is_docker_where_every_image_that_the_tasks_need_is_built(tmp_path: Path) -> None:
    async with open_engine() as engine:
        await Images(engine).built(profiles.load(profiles.PLAIN))
    async with open_backend(settings(tmp_path, "auto"), catalog(tmp_path)) as backend:
        assert backend.name == "docker"
